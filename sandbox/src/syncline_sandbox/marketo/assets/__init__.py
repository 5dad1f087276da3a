"""Assets: folders, programs, channels, tags, My Tokens, lists and what the asset API says of them.

Not here: who is a member of a program (members), what a smart campaign does (campaigns).
"""
