"""Custom domains: whose they are, what must be in their DNS, and whether mail may use them (spec: domains.md)."""
