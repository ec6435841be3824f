"""Events: what happened, as rows of the log that webhooks, sockets and metrics read."""
