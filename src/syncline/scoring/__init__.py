"""Weighs pairs of records by probability, with an optional library. Decides nothing and keeps nothing."""
