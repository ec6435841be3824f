"""The provider's side of a domain, as a check finds it: one that is gone is registered again, one that gave up is asked again."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from mailroom import log
from mailroom.domains.dns import expected, hosts_of, renewed
from mailroom.domains.record import DnsRecord, DomainRecord
from mailroom.domains.requests import remove_later
from mailroom.domains.status import AWAITED, refuses
from mailroom.ports import IdentityRefused, IdentityState
from mailroom.runtime import Runtime

SAFETY_NET_S = 600
"""Longer than a check takes."""
REFUSED = IdentityState("failed", "failed", sends=False)
"""The provider will not have the domain at all."""


def restored(o: str, record: DomainRecord, *, runtime: Runtime) -> tuple[DomainRecord, IdentityState]:
    """What the provider says, and the domain with the records that it wants now."""
    state = runtime.identities.state(record["domain"])
    if state is not None:
        return record, state
    # Queued before: whoever deletes the domain at this moment has seen its identity go already.
    remove_later(o, record["domain"], queues=runtime.queues, delay_s=SAFETY_NET_S)
    log.logger.warning("the provider's identity of a domain was gone", organization_id=o)
    return _registered(o, record, proven=_is_proven(record["records"]), runtime=runtime)


def stalled(state: IdentityState) -> bool:
    """Whether the provider waits for nothing: it gave up before the records were there, or was never asked to look for all."""
    return refuses(state) or "not_started" in (state.dkim, state.mail_from)


def resumed(o: str, record: DomainRecord, *, runtime: Runtime) -> tuple[DomainRecord, IdentityState]:
    """The same, with the provider looking for the records once more. They are there, and with them the proof of ownership."""
    return _registered(o, record, proven=True, runtime=runtime)


def _is_proven(records: Iterable[DnsRecord]) -> bool:
    return all(each["status"] == "VALID" for each in records if each["purpose"] == "ownership")


def _registered(o: str, record: DomainRecord, *, proven: bool, runtime: Runtime) -> tuple[DomainRecord, IdentityState]:
    domain, identities = record["domain"], runtime.identities
    try:
        identity = identities.register(domain, o, feedback=record["feedback_enabled"], proven=proven)
    except IdentityRefused:
        return record, REFUSED
    after = record.copy()
    if identity.foreign and "ownership" not in after:
        after["ownership"] = secrets.token_hex(20)
    after["inbound_host"] = identity.inbound_host
    after["records"] = renewed(record["records"], expected(after, identity, hosts_of(runtime.config)))
    return after, identities.state(domain) or AWAITED
