"""Connections that cannot go on: closed, and forgotten at once rather than when the gateway tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailroom import log
from mailroom.ports import Sockets
from mailroom.sockets.record import ConnectionRecord, removal
from mailroom.store.port import ItemStore, StoreError


class Ended(NamedTuple):
    record: ConnectionRecord
    code: int
    reason: str


def revoked(record: ConnectionRecord) -> Ended:
    return Ended(record, 1008, "The credential is no longer valid")


def unread(record: ConnectionRecord) -> Ended:
    return Ended(record, 1011, "Frames are not taken; resume behind the last position")


def end(ended: Sequence[Ended], *, items: ItemStore, sockets: Sockets) -> None:
    """Never raises for what the store cannot do: rows of connections that are gone expire."""
    for record, code, reason in ended:
        sockets.close(record["connection_id"], code, reason)
    deletes = [action for each in ended for action in removal(each.record)]
    if not deletes:
        return
    try:
        items.write(deletes)
    except StoreError:
        log.logger.exception("connections not forgotten")
