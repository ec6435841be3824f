"""Upkeep of the index from the change feed."""
