"""Mail in: from the provider's notice to stored messages (design: flows.md, "Mail in")."""
