"""What every endpoint needs: the decorator, errors, credentials, query and body decoding, page tokens (design: architecture.md)."""
