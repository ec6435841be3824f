"""Which pod and which inbox a path speaks of: a client id stands for the id (spec: README 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailroom.store import keys
from mailroom.store.port import Key
from mailroom.store.prefetch import PrefetchedStore

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pod_reads(o: str, path: Mapping[str, str]) -> tuple[Key, ...]:
    """What `pod_named` asks first, to be read together with the credential."""
    if "pod_id" not in path:
        return ()
    value = path["pod_id"]
    return (keys.pod(o, value) if _UUID.fullmatch(value) else keys.client_id(o, "pod", value),)


def pod_named(o: str, value: str, *, items: PrefetchedStore) -> str:
    """The id of the pod with this id or client id; what names none is handed back, and will not be found.

    A client id may look like an id, so one that leads nowhere is asked for as a client id. The pod's row stays at hand.
    """
    if _UUID.fullmatch(value) and items.peek(keys.pod(o, value)) is not None:
        return value
    row = items.get(keys.client_id(o, "pod", value))
    return value if row is None else str(row["id"])


def inbox_named(o: str, value: str, *, items: PrefetchedStore) -> str:
    """The address in lower case, or that of the inbox with this client id, which never contains an @."""
    if "@" in value:
        return value.lower()
    row = items.get(keys.client_id(o, "inbox", value))
    return value if row is None else str(row["id"])
