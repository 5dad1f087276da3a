"""Requests no sane client sends, by seed: sound ones of every route, then broken in one or several ways."""
