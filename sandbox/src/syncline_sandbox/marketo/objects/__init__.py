"""The common interface of records that are no leads: describe, query, sync, delete over one kind of record.

Not here: which kinds there are (`crm_objects`, `custom_objects`).
"""
