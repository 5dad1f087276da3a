"""The vendor's interface definition, pubsub_api.proto (CC0 1.0, see LICENSE beside it), and what is generated from it.

Nothing here is written by hand but this file and `generate`, which says how the rest is made again.
"""
