"""What goes with a deleted inbox or pod."""

from __future__ import annotations

import contextlib

from mailroom.store import keys
from mailroom.store.port import Delete, Equals, ItemStore, Key, Query, TransactionCancelled
from mailroom.webhooks.access import webhooks_of
from mailroom.webhooks.polling_record import polling_record_of
from mailroom.webhooks.record import WebhookRecord, removal

PAGE = 1000


def remove_webhooks(o: str, *, items: ItemStore, pod_id: str | None = None, inbox_id: str | None = None) -> None:
    """Webhooks and polling webhooks that belong to the inbox or the pod. Any number of times; those that only listen to it stay."""
    for record in webhooks_of(o, items=items):
        if _belongs(record, pod_id, inbox_id):
            with contextlib.suppress(TransactionCancelled):  # somebody else has deleted it
                items.transact(removal(record))
    polled = Query("core", keys.polling_webhooks(o, pod_id=pod_id, inbox_id=inbox_id), PAGE)
    while rows := items.query(polled):
        for row in rows:
            token_hash = polling_record_of(row)["token_hash"]
            # Not under a token that was replaced meanwhile: its successor must die too.
            own = Delete(Key.of("core", row), Equals("token_hash", token_hash))
            with contextlib.suppress(TransactionCancelled):
                items.transact([own, Delete(keys.polling_token(token_hash))])


def _belongs(record: WebhookRecord, pod_id: str | None, inbox_id: str | None) -> bool:
    return record.get("inbox_id") == inbox_id if inbox_id is not None else record.get("pod_id") == pod_id
