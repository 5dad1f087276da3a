"""The command line: a thin face of the engine's services. Nothing is decided here."""
