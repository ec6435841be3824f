"""Calls of SDK methods that exist at organization, pod and inbox scope."""

from __future__ import annotations

import functools
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from tests.support.sdk_calls import Method, Scene, call

Place = tuple[str, ...]
ScopedCall = Callable[[Method, Scene, str, Place], None]
PREFIXES = {"organization": "", "pod": "pods.", "inbox": "inboxes."}


def at_each_scope(family: str, *behind: str) -> Callable[[str], Callable[[ScopedCall], ScopedCall]]:
    """A decorator by method name, which registers its function for all three scopes. That gets the family's name there and the ids
    that go before, with what stands `behind` them."""

    def scoped(name: str) -> Callable[[ScopedCall], ScopedCall]:
        def note(function: ScopedCall) -> ScopedCall:
            for scope, prefix in PREFIXES.items():
                call(f"{prefix}{family}.{name}")(functools.partial(_at_scope, function, f"{prefix}{family}", scope, behind))
            return function

        return note

    return scoped


def client_of(scene: Scene, family: str) -> Any:
    return attrgetter(family)(scene.mailbox.client)


def _at_scope(function: ScopedCall, family: str, scope: str, behind: Place, method: Method, scene: Scene) -> None:
    pod_id = scene.mailbox.client.inboxes.get(scene.inbox).pod_id
    place: dict[str, Place] = {"organization": (), "pod": (pod_id,), "inbox": (scene.inbox,)}
    function(method, scene, family, (*place[scope], *behind))
