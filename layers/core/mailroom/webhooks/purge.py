"""What goes with a deleted inbox."""

from __future__ import annotations

from mailroom.store import keys
from mailroom.store.port import Delete, ItemStore, Key, Query, TransactionCancelled
from mailroom.webhooks.access import webhooks_of
from mailroom.webhooks.record import removal


def remove_webhooks_of_inbox(o: str, inbox_id: str, *, items: ItemStore) -> None:
    """Webhooks and polling webhooks that belong to it. Any number of times; those that only listen to it stay."""
    for record in webhooks_of(o, items=items):
        if record.get("inbox_id") == inbox_id:
            try:
                items.transact(removal(record))
            except TransactionCancelled:
                continue
    rows = items.query(Query("core", keys.polling_webhooks(o, inbox_id=inbox_id), 1000))
    # Tokens first: who dies in between must find them again.
    items.write([Delete(keys.polling_token(row["token_hash"])) for row in rows])
    items.write([Delete(Key("core", row["pk"], row["sk"])) for row in rows])
