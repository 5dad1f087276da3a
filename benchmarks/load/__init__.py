"""Benchmarks of the engine under load: many links, many changes, several workers."""
