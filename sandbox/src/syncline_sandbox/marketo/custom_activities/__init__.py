"""Custom activities: the API that makes their types, and adding them to people."""
