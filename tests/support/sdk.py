"""The real SDK, sync and async, with every answer that it gets validated against the contract on its way."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from operator import attrgetter
from typing import Any

import httpx
from agentmail import AgentMail, AsyncAgentMail
from agentmail.environment import AgentMailEnvironment

from tests.support import contract
from tests.support.stacks import Backend

Method = Callable[..., Any]


class Watch:
    """What passed by, as (method, path as the contract writes it)."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.secrets: set[str] = set()
        """Credentials that were sent or shown."""

    def note(self, answer: httpx.Response) -> None:
        self.secrets |= _secrets(answer)
        path = answer.request.url.raw_path.decode().partition("?")[0]
        body = contract.decoded(answer.content, answer.headers.get("content-type", ""))
        contract.check(answer.request.method, path, answer.status_code, body)
        endpoint = contract.find_endpoint(answer.request.method, path)
        assert endpoint is not None
        self.seen.append((endpoint["method"], endpoint["path"]))


_SECRET_FIELDS = ("api_key", "token", "secret", "otp_code")


def _secrets(answer: httpx.Response) -> set[str]:
    sent, shown = answer.request, answer
    bodies = [contract.decoded(each.content, each.headers.get("content-type", "")) for each in (sent, shown) if each.content]
    fields = [body.get(name) for body in bodies if isinstance(body, dict) for name in _SECRET_FIELDS]
    credential = answer.request.headers.get("authorization", "").partition(" ")[2]
    return {value for value in (*fields, credential) if isinstance(value, str) and value}


class Sdk:
    """`call(name)` is the SDK's method of that name, `inboxes.messages.list` for example."""

    def __init__(self, watch: Watch, method: Callable[[str], Method]) -> None:
        self.watch = watch
        self.call = method


@contextlib.contextmanager
def sync_sdk(backend: Backend) -> Iterator[Sdk]:
    watch = Watch()

    def note(answer: httpx.Response) -> None:
        answer.read()
        watch.note(answer)

    with httpx.Client(timeout=60, trust_env=False, event_hooks={"response": [note]}) as http:
        client = AgentMail(api_key=backend.api_key, environment=_environment(backend), httpx_client=http)
        yield Sdk(watch, lambda name: attrgetter(name)(client))


@contextlib.contextmanager
def async_sdk(backend: Backend) -> Iterator[Sdk]:
    """Its methods block like the others, each in turn on one loop."""
    watch = Watch()

    async def note(answer: httpx.Response) -> None:
        await answer.aread()
        watch.note(answer)

    http = httpx.AsyncClient(timeout=60, trust_env=False, event_hooks={"response": [note]})
    client = AsyncAgentMail(api_key=backend.api_key, environment=_environment(backend), httpx_client=http)
    with asyncio.Runner() as runner:
        yield Sdk(watch, lambda name: lambda *given, **named: runner.run(_whole(attrgetter(name)(client)(*given, **named))))
        runner.run(http.aclose())


async def _whole(answer: Awaitable[Any] | AsyncIterator[bytes]) -> Any:
    """A file comes in chunks."""
    return [chunk async for chunk in answer] if isinstance(answer, AsyncIterator) else await answer


def _environment(backend: Backend) -> AgentMailEnvironment:
    return AgentMailEnvironment(http=backend.http, websockets=backend.ws)
