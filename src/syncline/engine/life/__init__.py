"""The life of a person: conversions, merges, deletes and undeletes, and what they do to links.

| room | what happens there |
|---|---|
| endings, marks | which records ended; what a tombstone says |
| chains | who follows whom, read from the mirror |
| step | the structural step of a cycle, in its order |
| successions | heirs take their place in links |
| tombstones, gone | a proven delete ends a link's flow, an undelete lifts it; no proof, a person is asked |
| mergers, merger_acts, merger_rows, one_record, union | two links are one person: the merge due on the other side |
| afterlife, deletes | what is planned for tombstones: facts that still flow, deletes, records made anew |
| origins, just_before | what is asked before anything is matched or created |
| resolve, tale | what a person decides about holds, and is told |
"""
