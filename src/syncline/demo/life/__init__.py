"""The chapter "lifecycle": five people through conversions, merges, deletes, consent, owners, undo and erasure."""
