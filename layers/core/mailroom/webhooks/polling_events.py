"""Reading a polling webhook's events with its token (spec: webhooks.md, "Polling webhooks").

An iterator is a position in the organization's log, signed for one webhook: the log never changes, so the same iterator gives the
same events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import FieldError, Unauthorized, ValidationError
from mailroom.events.answers import fitting
from mailroom.events.channels import Channels
from mailroom.events.horizon import position_at
from mailroom.events.log import Batch, Entry, PositionExpired, PositionUnknown, read_after
from mailroom.events.render import Contents
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.http.tokens import seal, unseal
from mailroom.keys.credentials import bearer_value, secret_hash
from mailroom.organizations.standing import require_active
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads
from mailroom.webhooks.polling_record import PollingRecord, polling_record_of

KEPT_MS = 7 * 24 * 3600 * 1000


class PollQuery(NamedTuple):
    limit: int
    iterator: str | None


class _Page(NamedTuple):
    events: list[dict[str, Any]]
    position: int
    done: bool


def poll_query(request: Request, params: Params) -> PollQuery:
    return PollQuery(params.integer("limit", default=50, low=1, high=250), params.text("iterator") or None)


def holder_of_token(request: Request) -> Caller:
    """Whoever has a polling token may read that one webhook, named by its id or client id. Raises Unauthorized,
    OrganizationSuspended.

    Nothing lists an organization's tokens, so they are not marked when it is suspended: its own row is read beside the token's, as
    soon as this process knows whose token it is.
    """
    hashed = secret_hash(bearer_value(request.headers.get("authorization")))
    key = keys.polling_token(hashed)
    if (known := request.runtime.hints.get(hashed)) is not None:
        request.items.prefetch(Reads((key, keys.organization(known))))
    row = request.items.get(key)
    if row is None or request.path["webhook_id"] not in (row["webhook_id"], row["client_id"]):
        raise Unauthorized(
            "Polling token not recognized", fix="Create the polling webhook again with its client_id for a fresh token."
        )
    require_active(request.items.get(keys.organization(row["organization_id"])))
    request.runtime.remember(hashed, row["organization_id"])
    request.grant = polling_record_of(row)
    return Caller(row["organization_id"], "organization", row["webhook_id"], permissions=frozenset())


def read_polled_events(
    record: PollingRecord, query: PollQuery, *, items: ItemStore, blobs: BlobStore, clock: Clock, key: bytes
) -> dict[str, Any]:
    """`{"data", "iterator", "done"}`; `key` signs iterators. Raises ValidationError for one that this webhook was not given."""
    bound = f"polling {record['organization_id']} {record['webhook_id']}".encode()
    after = None if query.iterator is None else _opened(query.iterator, bound, key)
    batch = _read(record, after, query.limit, items=items, clock=clock)
    page = _rendered(batch, Contents(items=items, blobs=blobs))
    return {"data": page.events, "iterator": seal([page.position], bound, key), "done": page.done}


def _opened(iterator: str, bound: bytes, key: bytes) -> int:
    try:
        return int(unseal(iterator, bound, key)[0])
    except ValidationError:
        raise ValidationError.at("iterator", "Not an iterator of this polling webhook") from None


def _read(record: PollingRecord, after: int | None, limit: int, *, items: ItemStore, clock: Clock) -> Batch:
    o, channels, oldest = record["organization_id"], Channels.of(record), clock() - KEPT_MS
    start = record["start"] if after is None else after

    def behind(position: int) -> Batch:
        return read_after(o, position, items=items, limit=limit, wanted=lambda entry: channels.hears(entry.heard), clock=clock)

    try:
        batch = behind(start)
    except (PositionExpired, PositionUnknown) as error:
        if after is None:
            return behind(position_at(o, oldest, items=items))
        fix = "Leave iterator out to start at the oldest event that is kept."
        raise ValidationError([FieldError(("iterator",), "Events behind it are no longer kept")], fix=fix) from error
    if any(entry.ts < oldest for entry in batch.entries):
        # Old by its own time, which is not that of the log: a mail may have waited long before it was stored.
        kept = position_at(o, oldest, items=items)
        return behind(kept) if kept > start else batch
    return batch


def _rendered(batch: Batch, contents: Contents) -> _Page:
    """As many as fit into one answer, at least one. An event whose inbox was deleted is left out."""

    def show(few: Sequence[Entry]) -> list[dict[str, Any] | None]:
        events = contents.events(few)
        return [events.get(entry.position) for entry in few]

    events, taken = fitting(batch.entries, show)
    if taken == len(batch.entries):
        return _Page(events, batch.position, batch.done)
    return _Page(events, batch.entries[taken - 1].position, False)
