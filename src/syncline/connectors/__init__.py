"""One folder per vendor, each translating its system into our words. Connectors do not know each other."""
