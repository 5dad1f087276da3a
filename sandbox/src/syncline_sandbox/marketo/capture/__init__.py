"""How people come in beside Sync Leads: pushed into a program, by a form, and by the cookie of their browser."""
