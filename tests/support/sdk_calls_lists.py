"""Calls of the lists' SDK methods, at organization, pod and inbox scope. What they make they delete: it would rule other tests."""

from __future__ import annotations

import contextlib
import functools
import uuid
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import Method, Scene, call

SCOPES = {"lists": "organization", "pods.lists": "pod", "inboxes.lists": "inbox"}
LIST = ("receive", "block")

Place = tuple[str, ...]
ScopedCall = Callable[[Method, Scene, str, Place], None]


def scoped(name: str) -> Callable[[ScopedCall], ScopedCall]:
    """Registers the call of a method at all three scopes; it gets the family's name and the ids that go before."""

    def note(function: ScopedCall) -> ScopedCall:
        for family, scope in SCOPES.items():
            call(f"{family}.{name}")(functools.partial(_at_scope, function, family, scope))
        return function

    return note


def _at_scope(function: ScopedCall, family: str, scope: str, method: Method, scene: Scene) -> None:
    pod_id = scene.mailbox.client.inboxes.get(scene.inbox).pod_id
    place: dict[str, Place] = {"organization": (), "pod": (pod_id,), "inbox": (scene.inbox,)}
    function(method, scene, family, (*place[scope], *LIST))


def _client(scene: Scene, family: str) -> Any:
    return attrgetter(family)(scene.mailbox.client)


@contextlib.contextmanager
def _made(scene: Scene, family: str, place: Place, entry: str) -> Iterator[Any]:
    client = _client(scene, family)
    made = client.create(*place, entry=entry, reason="made here")
    try:
        yield made
    finally:
        client.delete(*place, made.entry)


def _address(prefix: str = "a") -> str:
    return f"{prefix}+{uuid.uuid4().hex}@example.com"


@scoped("create")
def _(create: Method, scene: Scene, family: str, place: Place) -> None:
    address = _address()
    made = create(*place, entry=address.upper(), reason="rude")
    assert (made.entry, made.reason, made.direction, made.list_type, made.entry_type) == (address, "rude", *LIST, "email")
    assert getattr(made, "inbox_id", None) == (scene.inbox if family == "inboxes.lists" else None)
    assert create(*place, entry=address) == made
    _client(scene, family).delete(*place, address)


@scoped("list")
def _(list_: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place, _address("b")) as second, _made(scene, family, place, _address("a")) as first:
        page = list_(*place, limit=1)
        rest = list_(*place, limit=1, page_token=page.next_page_token)
        assert [*page.entries, *rest.entries] == [first, second]
        assert rest.next_page_token is None


@scoped("get")
def _(get: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place, f"{uuid.uuid4().hex}.example.com") as made:
        assert get(*place, made.entry) == made


@scoped("delete")
def _(delete: Method, scene: Scene, family: str, place: Place) -> None:
    made = _client(scene, family).create(*place, entry=_address())
    delete(*place, made.entry)
    with pytest.raises(ApiError) as raised:
        _client(scene, family).get(*place, made.entry)
    assert raised.value.status_code == 404
