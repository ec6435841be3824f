"""The deployment's signing secret: made once, kept in the store, remembered by each process."""

from __future__ import annotations

import secrets

from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Absent, ConditionFailed, ItemStore


def signing_key(runtime: Runtime) -> bytes:
    """32 bytes that sign page tokens."""
    if runtime.signing_key is None:
        runtime.signing_key = deployment_secret(runtime.items)
    return runtime.signing_key


def deployment_secret(items: ItemStore) -> bytes:
    """Made here where nobody has needed it yet."""
    key = keys.deployment_secret()
    row = items.get(key)
    if row is None:
        row = {"secret": secrets.token_bytes(32)}
        try:
            items.put(key, row, Absent())
        except ConditionFailed as failed:
            assert failed.item is not None
            row = failed.item
    return bytes(row["secret"])
