"""Bulk API 2.0 (`/services/data/vXX.0/jobs/…`): query and ingest jobs."""
