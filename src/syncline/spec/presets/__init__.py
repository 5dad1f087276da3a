"""Presets: which fields pair, who wins and what is created, so that a sync needs no more than two connections."""
