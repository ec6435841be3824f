"""What a draft's schedule can be, as one table of pure functions (spec: drafts.md, "Scheduling").

            schedule                   claim                      accepted
    plain ───────────> scheduled ──────────────────> sending ─────────────────> (the draft is gone)
      ^   <───────────     ^  ^                       │    │
      │    unschedule,     │  └── put off, unknown ───┘    │ refused, put off too often
      │    cancelled       └────── schedule ───── failed <─┘
      └─ a caller's attempt that did not send leads back to where it began

Each returns a new record with the next version.
"""

from __future__ import annotations

from mailroom.drafts.record import CancelOn, ClaimRecord, DraftRecord, SendError
from mailroom.errors import MailroomError, RaceCondition, RateLimited, ServiceUnavailable
from mailroom.messages.labels import ordered

SCHEDULED = "scheduled"
RETRY_WAITS_MS = (120_000, 480_000)
"""Three attempts over ten minutes."""

_TRANSIENT = (RateLimited, ServiceUnavailable, RaceCondition)
_SCHEDULE = ("send_status", "send_at", "due", "timer", "attempts", "send_error", "cancelled_at", "cancel_reason")
_INTERRUPTED = "Sending was interrupted again and again"
_HOW_TO_GO_ON = "Edit the draft if need be, then send it, or give it a new send_at."


def next_version(draft: DraftRecord, now: int | None = None) -> DraftRecord:
    """`now`: callers see the change."""
    after = draft.copy()
    after["ver"] = draft["ver"] + 1
    if now is not None:
        after["updated_at"] = max(now, draft["updated_at"] + 1)
    return after


def schedule(draft: DraftRecord, send_at: int) -> None:
    """Of a new version, in place: it gets a timer of its own."""
    _clear(draft)
    draft["send_status"], draft["send_at"] = "scheduled", send_at
    draft["due"], draft["timer"] = send_at, draft["ver"]
    draft["labels"] = ordered([*draft["labels"], SCHEDULED])


def unschedule(draft: DraftRecord) -> None:
    """Of a new version, in place."""
    _clear(draft)
    draft["labels"] = [label for label in draft["labels"] if label != SCHEDULED]


def cancelled(draft: DraftRecord, reason: CancelOn, now: int) -> DraftRecord:
    """Somebody answered: not scheduled any more, and it says why."""
    after = next_version(draft, now)
    unschedule(after)
    after["cancelled_at"], after["cancel_reason"] = now, reason
    return after


def claimed(draft: DraftRecord, claim: ClaimRecord) -> DraftRecord:
    after = next_version(draft)
    if "send_status" in draft:
        claim["was"] = draft["send_status"]
    after["send_status"], after["claim"] = "sending", claim
    return after


def released(draft: DraftRecord, error: MailroomError | None, now: int) -> DraftRecord:
    """A claimed draft that was not sent. Without an error nobody knows why: whoever sent it died, or was not heard of again."""
    claim = draft["claim"]
    before = draft.copy()
    del before["claim"]
    before.pop("send_status", None)
    if "was" in claim:
        before["send_status"] = claim["was"]
    if claim["by"] == "timer":
        return missed(before, error, now)
    after = next_version(before)
    if claim.get("was") == "scheduled":
        # Its timer may have fired in the meantime, for nothing.
        _again(after, max(before["due"], now))
    return after


def missed(draft: DraftRecord, error: MailroomError | None, now: int) -> DraftRecord:
    """A scheduled draft that could not be sent when it was due: tried again where that may help, at once where nothing is known
    against it; else failed."""
    attempts = draft.get("attempts", 0) + 1
    if attempts <= len(RETRY_WAITS_MS) and (error is None or isinstance(error, _TRANSIENT)):
        after = next_version(draft)
        after["attempts"] = attempts
        _again(after, now if error is None else now + RETRY_WAITS_MS[attempts - 1])
        return after
    after = next_version(draft, now)
    after["send_status"] = "failed"
    after["send_error"] = _described(error or ServiceUnavailable(_INTERRUPTED))
    for name in ("due", "timer", "attempts"):
        after.pop(name, None)  # type: ignore[misc]
    return after


def _again(draft: DraftRecord, due: int) -> None:
    draft["due"], draft["timer"] = due, draft["ver"]


def _described(error: MailroomError) -> SendError:
    return SendError(code=error.code, message=error.message, fix=" ".join(filter(None, (error.fix, _HOW_TO_GO_ON))))


def _clear(draft: DraftRecord) -> None:
    for name in _SCHEDULE:
        draft.pop(name, None)  # type: ignore[misc]
