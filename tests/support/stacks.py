"""One surface over both sides of the product, so that the same endpoint tests run against each."""

from __future__ import annotations

import smtplib
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol

import httpx
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment

from local import Stack
from local.delivery import Deliverer
from local.identities import new_key
from mailroom.config import Config
from mailroom.runtime import Runtime
from tests.support import contract
from tests.support.fakes import Names


class Backend(Protocol):
    http: str
    ws: str
    api_key: str
    runtime: Runtime
    names: Names
    """DNS as the deployment sees it."""

    def deliver(self, raw: bytes, recipients: Sequence[str], sender: str = ...) -> None:
        """Mail arrives. Returns when it is accepted, not when it is stored."""
        ...

    def sent(self) -> list[bytes]:
        """Raw mails that left the deployment, oldest first."""
        ...


class SqliteStack(Stack):
    """One machine, thrown away afterwards; outgoing mail is captured."""

    def __init__(self, config: Config | None = None, **options: Any) -> None:
        super().__init__(config=config, **{"verdicts": "header", "fetch_allow_private": True, **options})
        self.names = Names()

    def _runtime(self, deliverer: Deliverer) -> Runtime:
        self.identities.make_key = _one_key
        runtime = super()._runtime(deliverer)
        runtime.resolver = self.names
        return runtime

    def deliver(self, raw: bytes, recipients: Sequence[str], sender: str = "sender@example.com") -> None:
        with smtplib.SMTP(*self.smtp) as smtp:
            smtp.sendmail(sender, list(recipients), raw)

    def sent(self) -> list[bytes]:
        assert self.capture is not None
        return [mail.raw for mail in self.capture.mails()]


@cache
def _one_key() -> bytes:
    return new_key()


class Strict:
    """An HTTP client that validates every answer against the contract before handing it on."""

    def __init__(self, base: str, api_key: str | None) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx.Client(base_url=base + "/v0", headers=headers, timeout=60, trust_env=False)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self._client.request(method, path, **options)
        if answer.status_code != 302:
            body = contract.decoded(answer.content, answer.headers.get("content-type", ""))
            contract.check(method, answer.request.url.raw_path.decode().partition("?")[0], answer.status_code, body)
            assert answer.headers["x-request-id"]
        return answer

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.request("GET", path, **options)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("POST", path, **({"json": body} if body is not None else {}), **options)

    def patch(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.request("PATCH", path, **({"json": body} if body is not None else {}), **options)

    def delete(self, path: str, **options: Any) -> httpx.Response:
        return self.request("DELETE", path, **options)

    def close(self) -> None:
        self._client.close()


class Mailbox:
    """A backend with the real SDK and a strict HTTP client on it."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.runtime = backend.runtime
        self._clients: list[httpx.Client | Strict] = []
        self.http = self.strict(backend.api_key)
        self.client = self.sdk(backend.api_key)

    def sdk(self, api_key: str, **options: Any) -> AgentMail:
        environment = AgentMailEnvironment(http=self.backend.http, websockets=self.backend.ws)
        client = httpx.Client(timeout=60, follow_redirects=True, trust_env=False)
        self._clients.append(client)
        return AgentMail(api_key=api_key, environment=environment, timeout=60, **{"httpx_client": client, **options})

    def strict(self, api_key: str | None) -> Strict:
        """Another credential's (None: no credential's) view."""
        client = Strict(self.backend.http, api_key)
        self._clients.append(client)
        return client

    def close(self) -> None:
        for client in self._clients:
            client.close()

    def deliver(self, raw: bytes, *recipients: str, sender: str = "sender@example.com") -> None:
        self.backend.deliver(raw, recipients, sender)

    def sent(self) -> list[bytes]:
        return self.backend.sent()
