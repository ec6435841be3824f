"""A caller's demand for a check (spec: domains.md, "Verify")."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.domains import schedule
from mailroom.domains.access import require_domain
from mailroom.domains.record import DomainRecord
from mailroom.domains.requests import check_now
from mailroom.domains.status import asked
from mailroom.domains.writing import written
from mailroom.errors import Conflict, RaceCondition, Unprocessable
from mailroom.ports import Queues
from mailroom.store.port import ItemStore, TransactionCancelled
from mailroom.store.races import attempts

AGAIN_AFTER_MS = 5_000
_CLAIM = 1
"""Its place in the transaction."""


def verify_domain(
    caller: Caller, domain_id: str, *, pod_id: str | None = None, items: ItemStore, queues: Queues, clock: Clock
) -> None:
    """Returns before the check is made. Raises NotFound, Conflict, Unprocessable, RaceCondition."""
    o = caller.organization_id
    for _ in attempts():
        before, now = require_domain(caller, domain_id, pod_id=pod_id, items=items), clock()
        _refuse_hurry(before, now)
        try:
            items.transact(written(o, before, _asked(before, now)))
        except TransactionCancelled as cancelled:
            if cancelled.failures.keys() == {_CLAIM}:
                raise Unprocessable("The domain is being deleted") from cancelled
            continue
        check_now(o, before["domain"], queues=queues)
        return
    raise RaceCondition


def _asked(before: DomainRecord, now: int) -> DomainRecord:
    """The first time also due in a moment, so that the sweep finds it should nobody come to send the message."""
    after = asked(before, now)
    after.setdefault("next_check_at", now + schedule.MINUTE_MS)
    return after


def _refuse_hurry(record: DomainRecord, now: int) -> None:
    left_ms = record.get("asked_at", 0) + AGAIN_AFTER_MS - now
    # A call that seems to be still to come was made before the clock was set back.
    if 0 < left_ms <= AGAIN_AFTER_MS:
        raise Conflict(
            "The domain is being checked already", fix="Read the result, or try again later.", retry_after=-(-left_ms // 1000)
        )
