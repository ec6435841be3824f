"""Organizations: the tenants, each with a default pod (spec: organizations-auth-apikeys.md)."""
