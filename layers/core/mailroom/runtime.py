"""Everything a handler works with, chosen once at start-up: the AWS adapters in a Lambda function, the local ones on one machine.

A context variable rather than a global, so that several stacks can live in one process (tests, `local.Stack`).
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from mailroom.clock import Clock, now_ms

if TYPE_CHECKING:
    from mailroom.config import Config
    from mailroom.ports import BlobStore, Fetcher, Identities, Mailer, Poster, Queues, RateLimiter, Resolver, Sockets, Timers
    from mailroom.store.port import ItemStore

T = TypeVar("T")
Event = Mapping[str, Any]
MAX_HINTS = 10_000


@dataclass(slots=True)
class Runtime:
    config: Config
    items: ItemStore
    blobs: BlobStore
    queues: Queues
    timers: Timers
    mailer: Mailer
    fetcher: Fetcher
    poster: Poster
    sockets: Sockets
    limiter: RateLimiter
    identities: Identities
    resolver: Resolver
    clock: Clock = now_ms
    signing_key: bytes | None = None
    """Remembered by `mailroom.secret`."""
    hints: dict[str, str] = field(default_factory=dict)
    """Hash of a credential -> its organization, as this process last saw it: where to read, never whether to trust."""

    def remember(self, hashed: str, organization_id: str) -> None:
        if len(self.hints) >= MAX_HINTS:
            self.hints.clear()
        self.hints[hashed] = organization_id


_current: ContextVar[Runtime] = ContextVar("mailroom_runtime")


def current() -> Runtime:
    """The runtime of this context; in a Lambda function the AWS adapters, built on first use."""
    try:
        return _current.get()
    except LookupError:
        from mailroom.aws.build import aws_runtime

        return aws_runtime()


@contextmanager
def using(runtime: Runtime) -> Iterator[Runtime]:
    token = _current.set(runtime)
    try:
        yield runtime
    finally:
        _current.reset(token)


def worker(function: Callable[[Event, Runtime], T]) -> Callable[[Event, object], T]:
    """Wraps `(event, runtime) -> answer` into a Lambda handler: queue, stream and schedule workers, operator functions."""
    warm_up()

    @functools.wraps(function)
    def handler(event: Event, context: object = None) -> T:
        return function(event, current())

    return handler


def warm_up() -> None:
    """Lambda gives a function that is being loaded the whole CPU: adapters and client are made then, not in the first request.

    What is made here (modules, the service's model, the client) lives as long as the process. The garbage collector would walk it
    over and over while it grows, a fifth of the time a function takes to load, and once more in some request: so it waits until
    all is there, and leaves that alone from then on.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return
    gc.disable()
    try:
        current()
        gc.freeze()
    finally:
        gc.enable()
