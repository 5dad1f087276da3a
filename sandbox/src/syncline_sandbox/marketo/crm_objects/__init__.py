"""What a CRM knows beside people: companies, opportunities and their roles, sales persons, named accounts and lists."""
