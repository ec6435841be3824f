"""WebSocket connections: who is connected, what each listens to, and what it is sent (spec: websockets.md)."""
