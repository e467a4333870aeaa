"""The server: runs in worker processes, a durable queue, two HTTP APIs and a websocket."""
