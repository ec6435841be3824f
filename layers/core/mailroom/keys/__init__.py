"""API keys: credentials, their scope and what they may do (spec: organizations-auth-apikeys.md)."""
