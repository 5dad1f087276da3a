"""The pure core: absorb, settle, select, match, merge, plan. Frames in, decisions out; no I/O, no clock."""
