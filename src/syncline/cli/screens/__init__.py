"""Reports as text for a terminal and as plain objects for `--json`. No I/O but printing, no decisions."""
