"""The embedded item store: one SQLite file with one writer and many readers."""
