"""Bulk extract and bulk import: jobs, their queues and files. One room for each kind of record, by what it exports or
imports."""
