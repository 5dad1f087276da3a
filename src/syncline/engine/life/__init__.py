"""The life of a person: conversions, merges, deletes and undeletes, and what they do to links.

endings     marks: which records ended, or are themselves again
chains      who follows whom, read from the mirror
step        the structural step of a cycle, in its order
successions heirs take their place in links
tombstones  a proven delete ends a link's flow, an undelete lifts it
mergers     two links are one person: the merge that is due on the other side
afterlife   what is planned for tombstones: facts that still flow, deletes, records made anew
origins     a new record is asked for the one it was made of
resolve     what a person decides about holds
"""
