"""The demonstration: its people, its day of life and its report. Nothing here is needed by a real sync."""
