"""Custom objects: what types there are, the API that makes them, and their records."""
