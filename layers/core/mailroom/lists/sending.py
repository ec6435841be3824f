"""Who may be written to (spec: lists.md, "Sending"): every recipient of every sending route."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from mailroom.errors import MessageRejected
from mailroom.inboxes.record import InboxRecord
from mailroom.keys.scopes import Scope
from mailroom.lists import suppression
from mailroom.lists.evaluation import Refusal, refusal
from mailroom.lists.levels import count_keys, read_levels
from mailroom.store.port import ItemStore, Key


def send_reads(o: str, inbox_id: str, addresses: Iterable[str]) -> list[Key]:
    """What `require_sendable` asks for first, to be prefetched; all that it asks for where nobody keeps lists."""
    return list(dict.fromkeys([*count_keys(o, inbox_id), *(suppression.key(o, address) for address in addresses)]))


def require_sendable(o: str, inbox: InboxRecord, addresses: Iterable[str], *, items: ItemStore) -> None:
    """Raises MessageRejected for bare addresses that this inbox must not write to: one is enough to refuse the whole mail."""
    recipients = list(dict.fromkeys(addresses))
    wanted = send_reads(o, inbox["inbox_id"], recipients)
    rows = items.batch_get(wanted)
    levels = read_levels(o, inbox, "send", recipients, rows, items=items, looked=set(wanted))
    judged = [(address, refusal(address, levels)) for address in recipients]
    if refused := [(address, found) for address, found in judged if found]:
        raise MessageRejected(
            "Recipients refused: " + ", ".join(f"{address} ({_why(found)})" for address, found in refused),
            fix=" ".join(dict.fromkeys(_remedy(address, found) for address, found in refused)),
        )


def _why(refused: Refusal) -> str:
    return "blocked" if refused.entry else "not in allow list"


def _remedy(address: str, refused: Refusal) -> str:
    """What the caller can do about it."""
    entry = refused.entry
    if entry is None:
        body = f'{{"entry": "{address.lower()}"}}'
        return f"Leave out {address}, or add it to the allow list by POST {_path(refused.scope, 'allow')} {body}."
    if entry.get("read_only"):
        reason = entry.get("reason", "block")
        return f"Leave out {entry['entry']}: suppressed after a {reason}, by a read-only entry that only the operator can remove."
    path = f"{_path(refused.scope, 'block')}/{quote(entry['entry'], safe='@+')}"
    return f"Leave out what the entry {entry['entry']} blocks, or remove it by DELETE {path}."


def _path(scope: Scope, list_type: str) -> str:
    where = "" if scope.type == "organization" else f"/{'pods' if scope.type == 'pod' else 'inboxes'}/{scope.id}"
    return f"/v0{where}/lists/send/{list_type}"
