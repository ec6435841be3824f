"""Calls of the lists' SDK methods, at organization, pod and inbox scope. What they make they delete: it would rule other tests."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import Method, Scene
from tests.support.sdk_scopes import Place, at_each_scope, client_of

LIST = ("receive", "block")

scoped = at_each_scope("lists", *LIST)


@contextlib.contextmanager
def _made(scene: Scene, family: str, place: Place, entry: str) -> Iterator[Any]:
    client = client_of(scene, family)
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
    client_of(scene, family).delete(*place, address)


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
    made = client_of(scene, family).create(*place, entry=_address())
    delete(*place, made.entry)
    with pytest.raises(ApiError) as raised:
        client_of(scene, family).get(*place, made.entry)
    assert raised.value.status_code == 404
