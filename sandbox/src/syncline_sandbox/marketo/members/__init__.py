"""Program members: who is in which program, with which status and data."""
