"""Syncline keeps records in agreement between business systems.

This package root imports no room: whoever needs one names it (`syncline.reconcile`, `syncline.engine`, …), so no room
is loaded, and no ring of imports closes, by way of the root. The map of the rooms: docs/explanation/architecture.md.
"""
