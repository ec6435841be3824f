"""The product over HTTP, on SQLite or on moto, with the configuration that a test wants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mailroom.config import Config
from tests.support.moto_stack import MotoStack
from tests.support.stacks import Mailbox, SqliteStack

BACKENDS = ("sqlite", "moto")


@contextlib.contextmanager
def mailbox(backend: str, config: Config) -> Iterator[Mailbox]:
    stack = SqliteStack(config) if backend == "sqlite" else MotoStack(config)
    with stack as running, contextlib.closing(Mailbox(running)) as opened:
        yield opened
