"""Checking a domain: the worker of the queue in which callers and timers ask for it (spec: domains.md, "Verify", "Status").

A message names a domain, and a timer's also the check that must still be due. It may come early (then it waits on), twice, late, or
for a domain that is gone: one transaction under the domain's version stores what was found, tells of it, and moves the next check.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from mailroom import log
from mailroom.domains import schedule
from mailroom.domains.checks import Looked
from mailroom.domains.lookups import look
from mailroom.domains.model import domain as shown
from mailroom.domains.record import DnsRecord, DomainRecord, record_of
from mailroom.domains.renewal import restored, resumed, stalled
from mailroom.domains.schedule import Firing
from mailroom.domains.status import Seen, checked, complete
from mailroom.domains.writing import written
from mailroom.events import types
from mailroom.events.rows import notice_event
from mailroom.ports import IdentityState
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Put, TransactionCancelled
from mailroom.store.races import attempts


class Moved(Exception):
    """The domain was changed again and again while it was being checked."""


def handle(body: Mapping[str, Any], *, runtime: Runtime) -> None:
    """A message of the queue. Raises KeyError for a malformed one, Moved, and what stores and provider raise."""
    firing = Firing.read(body)
    if body.get("remove"):
        remove(firing.organization_id, firing.domain, runtime=runtime)
    else:
        check(firing, runtime=runtime)


def remove(o: str, domain: str, *, runtime: Runtime) -> None:
    """The provider's identity goes, unless somebody has the domain: also another organization might need it now."""
    claim = runtime.items.get(keys.domain_claim(domain))
    if claim is None or claim["state"] != "live":
        runtime.identities.remove(domain, o)


def check(firing: Firing, *, runtime: Runtime) -> None:
    for _ in attempts():
        with contextlib.suppress(TransactionCancelled):
            return _try(firing, runtime)
    raise Moved


def _try(firing: Firing, runtime: Runtime) -> None:
    o, now = firing.organization_id, runtime.clock()
    row = runtime.items.get(keys.domain(o, firing.domain))
    if row is None:
        return
    before = record_of(row)
    if firing.timer is not None and firing.timer != before.get("next_check_at"):
        return
    if firing.timer is not None and firing.timer > now:
        schedule.arm(o, before, timers=runtime.timers)
        return
    seen = _seen(o, before, asked=firing.timer is None, runtime=runtime)
    _store(o, before, checked(before, seen, now), runtime=runtime, now=now)


def _seen(o: str, before: DomainRecord, *, asked: bool, runtime: Runtime) -> Seen:
    record, state = restored(o, before, runtime=runtime)
    looked = look(record["records"], resolver=runtime.resolver)
    if _is_up_to_the_provider(before, looked, state, asked=asked):
        record, state = resumed(o, {**record, "records": _records(looked)}, runtime=runtime)
        if record["records"] != _records(looked):
            looked = look(record["records"], resolver=runtime.resolver)
    return Seen(record, looked, state, asked)


def _is_up_to_the_provider(before: DomainRecord, looked: Sequence[Looked], state: IdentityState, *, asked: bool) -> bool:
    """Whether everything is there, for the first time or by a caller's word, while the provider does not look for it."""
    first = asked or "confirming_since" not in before
    return before["status"] != "NOT_STARTED" and first and complete(_records(looked)) and stalled(state)


def _records(looked: Sequence[Looked]) -> list[DnsRecord]:
    return [each.record for each in looked]


def _store(o: str, before: DomainRecord, after: DomainRecord, *, runtime: Runtime, now: int) -> None:
    """Raises TransactionCancelled where the domain was changed or deleted meanwhile."""
    after.pop("next_check_at", None)
    if (at := schedule.next_check_at(after, now)) is not None:
        after["next_check_at"] = at
    schedule.arm(o, after, timers=runtime.timers)
    actions = written(o, before, after)
    if after["status"] == "VERIFIED" != before["status"]:
        actions.append(_event(o, after, now, runtime.config.index_shards))
    runtime.items.transact(actions)
    if before.get("next_check_at", 0) > now and before.get("next_check_at") != at:
        # One that cannot be taken back fires for nothing.
        with contextlib.suppress(OSError):
            schedule.disarm(o, before, timers=runtime.timers)
    _note(o, before, after)


def _event(o: str, after: DomainRecord, now: int, shards: int) -> Put:
    return notice_event(
        o,
        event_type=types.DOMAIN_VERIFIED,
        inbox_id=None,
        pod_id=after.get("pod_id"),
        thread_id=None,
        message_id=None,
        ts=now,
        payload=shown(after),
        shards=shards,
        unique=f"{after['domain']} {after['ver']}",
    )


def _note(o: str, before: DomainRecord, after: DomainRecord) -> None:
    if after["status"] != before["status"]:
        log.logger.info("domain status", organization_id=o, status=after["status"], reason=after.get("reason"))
