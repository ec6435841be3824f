"""The item store: port, keys and the adapters' common parts (design: data.md)."""
