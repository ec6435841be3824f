"""What becomes of an arrived mail's notice: each inbox on its own (design: flows.md, "Mail in")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mailroom import log
from mailroom.domains.claims import claim_keys, domain_of, standing
from mailroom.inbound.classification import classify
from mailroom.inbound.composition import Content, message_uid, read_content
from mailroom.inbound.delivery import deliver
from mailroom.inbound.notice import Arrival, read
from mailroom.mail.addresses import strip_plus
from mailroom.mail.parse import parse
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, Key

READ_AT_ONCE = 100
"""Rows that are one trip."""


class NotAllDelivered(Exception):
    """Some inboxes of a mail have it, others not yet."""


def receive(record: Mapping[str, Any], *, runtime: Runtime) -> None:
    """Raises NotAllDelivered, BlobMissing where the raw mail is not there, ValueError or KeyError for a malformed notice."""
    arrival = read(record["body"])
    if arrival is None:
        log.logger.info("notice ignored")
        return
    labels = classify(arrival.verdicts, drop_unauthentic=runtime.config.drop_unauthentic)
    if labels is None:
        log.logger.info("mail dropped", provider_id=arrival.provider_id, reason="verdict")
        return
    inboxes = _inboxes(arrival, record, runtime)
    if not inboxes:
        return
    raw = runtime.blobs.get(arrival.raw_key)
    content = read_content(parse(raw), raw)
    if content.mail.defects:
        log.logger.warning("mail read in part", provider_id=arrival.provider_id, defects=content.mail.defects[:10])
    del raw
    undelivered = sum(not _delivered(arrival, content, labels, o, inbox_id, runtime) for o, inbox_id in inboxes)
    if undelivered:
        raise NotAllDelivered(f"{undelivered} of {len(inboxes)} inboxes")


def _delivered(arrival: Arrival, content: Content, labels: frozenset[str], o: str, inbox_id: str, runtime: Runtime) -> bool:
    try:
        outcome = deliver(
            arrival,
            content,
            labels,
            o,
            inbox_id,
            items=runtime.items,
            blobs=runtime.blobs,
            clock=runtime.clock,
            shards=runtime.config.index_shards,
            strict_allow=runtime.config.strict_allow,
        )
    except Exception:  # noqa: BLE001 - the other inboxes of the mail get it now
        log.logger.exception("delivery failed", provider_id=arrival.provider_id, organization_id=o)
        return False
    log.logger.info(
        "mail received", provider_id=arrival.provider_id, organization_id=o, result=outcome.result if outcome else "dropped"
    )
    return True


def _inboxes(arrival: Arrival, record: Mapping[str, Any], runtime: Runtime) -> list[tuple[str, str]]:
    """Organization and inbox of each recipient that has one and whose domain receives, once each."""
    addresses = {strip_plus(recipient.strip().lower()) for recipient in arrival.recipients}
    wanted = [keys.address(address) for address in sorted(addresses)]
    found = _with_claims(wanted, addresses, runtime)
    rows = [found[key] for key in wanted if key in found]
    live = [row for row in rows if row["state"] == "live" and _receives(row, found, runtime)]
    gone = [row for row in rows if row["state"] != "live"]
    if int(record.get("attributes", {}).get("ApproximateReceiveCount", 1)) > 1:
        _sweep_up(arrival, gone, runtime)
    if unknown := len(addresses) - len(live):
        log.logger.info("recipients dropped", provider_id=arrival.provider_id, count=unknown)
    return sorted((row["organization_id"], row["inbox_id"]) for row in live)


def _with_claims(wanted: list[Key], addresses: set[str], runtime: Runtime) -> dict[Key, Item]:
    """The rows of the addresses and the claims of their domains. Names with many dots, which senders can make up, are no reason to
    read much: where that would take more than a trip, only those of inboxes are looked at."""
    ahead = _claims(addresses, runtime)
    if len(wanted) + len(ahead) <= READ_AT_ONCE:
        return runtime.items.batch_get([*wanted, *ahead])
    found = runtime.items.batch_get(wanted)
    known = _claims((row["inbox_id"] for row in found.values() if row["state"] == "live"), runtime)
    return found | (runtime.items.batch_get(known) if known else {})


def _claims(addresses: Iterable[str], runtime: Runtime) -> list[Key]:
    domain = runtime.config.domain
    return list(dict.fromkeys(key for each in addresses for key in claim_keys(domain_of(each), default_domain=domain)))


def _receives(row: Item, found: Mapping[Key, Item], runtime: Runtime) -> bool:
    o, name = row["organization_id"], domain_of(row["inbox_id"])
    return standing(o, name, found, default_domain=runtime.config.domain).receives


def _sweep_up(arrival: Arrival, gone: list[Item], runtime: Runtime) -> None:
    """An earlier try may have died between its blobs and the transaction, after the inbox's own purge."""
    for row in gone:
        o, inbox_id = row["organization_id"], row["inbox_id"]
        runtime.blobs.delete_prefix(keys.blob_message(o, inbox_id, message_uid(arrival, o, inbox_id)))
