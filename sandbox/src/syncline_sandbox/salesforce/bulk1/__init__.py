"""Bulk API 1.0 (`/services/async/XX.0/job…`): jobs of batches, in XML, CSV and JSON."""
