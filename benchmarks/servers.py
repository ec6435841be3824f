"""Servers under measurement, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlsplit

BARE = """
import socket, uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
async def empty(request): return JSONResponse({})
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/", empty)]), log_level="error")).run(sockets=[listener])
"""


@dataclass(frozen=True, slots=True)
class Server:
    pid: int
    http: str
    smtp: tuple[str, int]
    api_key: str

    def connect(self) -> HTTPConnection:
        target = urlsplit(self.http)
        return HTTPConnection(target.hostname or "", target.port, timeout=60)

    def call(self, method: str, path: str, body: Any = None, *, connection: HTTPConnection | None = None) -> Any:
        """The decoded answer. Raises RuntimeError for any other status than 2xx."""
        link = connection or self.connect()
        link.request(method, "/v0" + path, None if body is None else json.dumps(body), {"Authorization": f"Bearer {self.api_key}"})
        answer = link.getresponse()
        data = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {data!r}")
        return json.loads(data) if data else None

    def inbox(self, username: str) -> str:
        return str(self.call("POST", "/inboxes", {"username": username})["inbox_id"])

    def rss_mb(self, *, peak: bool = False) -> float:
        field = "VmHWM:" if peak else "VmRSS:"
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


def messages_path(inbox_id: str) -> str:
    return f"/inboxes/{quote(inbox_id)}/messages"


@contextmanager
def mailroom(data: str | None = None, **settings: str) -> Iterator[Server]:
    """`make run` on free ports, with the request rate limit off and further settings."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ,
            "MAILROOM_DATA": data or folder,
            "MAILROOM_PORT": "0",
            "MAILROOM_SMTP_PORT": "0",
            "MAILROOM_RATE_LIMIT": "0",
            "MAILROOM_LOG": "warning",
            **settings,
        }
        process = subprocess.Popen([sys.executable, "-m", "local"], stdout=subprocess.PIPE, text=True, env=environment)
        try:
            assert process.stdout is not None
            ready = next(json.loads(line) for line in process.stdout if line.startswith("{"))
            host, _, port = str(ready["smtp"]).rpartition(":")
            yield Server(process.pid, ready["http"], (host, int(port)), ready["api_key"])
        finally:
            process.terminate()
            process.wait(timeout=30)


@contextmanager
def bare() -> Iterator[HTTPConnection]:
    """An empty Starlette endpoint under uvicorn."""
    process = subprocess.Popen([sys.executable, "-c", BARE], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield HTTPConnection("127.0.0.1", int(process.stdout.readline()), timeout=60)
    finally:
        process.terminate()
        process.wait(timeout=30)
