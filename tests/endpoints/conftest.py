"""`stack`: the product over HTTP, once on SQLite and once on moto. Kept for a whole module; tests take inboxes of their own."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from mailroom.config import Config
from tests.support.backends import BACKENDS, mailbox
from tests.support.stacks import Mailbox

UNLIMITED = Config(rate_per_second=0, thread_send_limit=0, sign_up=True, sign_up_limit=10_000)


@pytest.fixture(scope="module", params=BACKENDS)
def stack(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    with mailbox(request.param, UNLIMITED) as opened:
        yield opened


@pytest.fixture(scope="module")
def sqlite_stack() -> Iterator[Mailbox]:
    """For what is expensive and the same on both."""
    with mailbox("sqlite", UNLIMITED) as opened:
        yield opened


@pytest.fixture
def inbox(stack: Mailbox) -> str:
    return str(stack.http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()["inbox_id"])


@pytest.fixture
def new_inbox(stack: Mailbox) -> Callable[[], str]:
    return lambda: str(stack.http.post("/inboxes", {"username": f"t{uuid.uuid4().hex[:12]}"}).json()["inbox_id"])
