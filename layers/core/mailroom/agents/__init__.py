"""Agents that sign themselves up, and the humans who answer for them (spec: organizations-auth-apikeys.md, "Agent sign-up")."""
