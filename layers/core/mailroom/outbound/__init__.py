"""Mail out: what the provider says about it afterwards."""
