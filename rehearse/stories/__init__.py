"""The stories, each in an organization of its own."""
