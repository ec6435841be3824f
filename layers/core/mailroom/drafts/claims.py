"""A draft that is being sent: taken in the transaction that begins the send, gone in the one that stores the message, given back in
the one that ends the send without a mail. So a draft is claimed exactly as long as there is an intent for it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Self, cast

from mailroom.drafts import states, writing
from mailroom.drafts.record import ClaimRecord, DraftRecord
from mailroom.drafts.timers import arm
from mailroom.errors import Conflict, MailroomError, NotFound, RaceCondition
from mailroom.ports import Timers
from mailroom.store import keys
from mailroom.store.port import Action, Delete, Item, ItemStore, Put, Update, without_key

BEING_SENT = "The draft is being sent"
GIVEN_BACK_AFTER_MS = 5 * 60 * 1000
"""How long the provider's word is waited for where a send was interrupted (spec: drafts.md, "Scheduling")."""


class DraftClaim(NamedTuple):
    """What an intent remembers of the draft that it sends."""

    draft_id: str
    ver: int
    """Of the claimed row."""
    client_id: str | None = None
    due: int | None = None

    def to_row(self) -> Item:
        return {name: value for name, value in self._asdict().items() if value is not None}

    @classmethod
    def from_row(cls, row: Item) -> Self:
        return cls(**row)


class Release(NamedTuple):
    """What gives a draft back."""

    actions: list[Action]
    entries: list[Update]


def claiming(o: str, draft: DraftRecord, intent_id: str, by: Literal["caller", "timer"]) -> tuple[DraftClaim, Put]:
    """The write fails where the draft has changed or is claimed: `lost` says what that means."""
    after = states.claimed(draft, ClaimRecord(intent_id=intent_id, by=by))
    key = keys.draft(o, draft["inbox_id"], draft["draft_id"])
    claim = DraftClaim(draft["draft_id"], after["ver"], draft.get("client_id"), draft.get("due"))
    return claim, Put(key, without_key(after), writing.unchanged(draft))


def lost(row: Item | None) -> MailroomError:
    """Why a draft could not be claimed or changed, from what stands there instead."""
    if row is None:
        return NotFound()
    return Conflict(BEING_SENT, retry_after=1) if row.get("send_status") == "sending" else RaceCondition()


def sent(o: str, inbox_id: str, claim: DraftClaim) -> list[Delete]:
    """With the stored message the draft is gone. Nobody changes a claimed draft, so no condition is needed."""
    return writing.removed(o, inbox_id, claim.draft_id, client_id=claim.client_id, due=claim.due)


def release(
    o: str,
    inbox_id: str,
    claim: DraftClaim,
    error: MailroomError | None,
    *,
    items: ItemStore,
    timers: Timers,
    shards: int,
    now: int,
) -> Release:
    """For the transaction that ends the intent. Nothing where the draft went with its inbox."""
    row = items.get(keys.draft(o, inbox_id, claim.draft_id))
    if row is None or row["ver"] != claim.ver:
        return Release([], [])
    before = cast(DraftRecord, row)
    after = states.released(before, error, now)
    arm(o, after, timers=timers, now=now)
    return Release(
        writing.written(o, before, after, now=now),
        writing.entries(o, before, after, shards=shards, now=now),
    )
