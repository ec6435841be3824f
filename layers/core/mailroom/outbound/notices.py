"""The provider's notices about sent mail, read: SES event publishing through SNS and SQS (spec: events.md, "Payloads")."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, cast

from mailroom.clock import parse_instant
from mailroom.mail.addresses import parse_address
from mailroom.outbound.ses import INTENT_TAG, message_id

Kind = Literal["Send", "Delivery", "Bounce", "Complaint", "Reject", "DeliveryDelay"]

BOUNCE_TYPES = frozenset({"Permanent", "Transient", "Undetermined"})


class Notice(NamedTuple):
    kind: Kind
    identity: str
    """The same however often the notice comes."""
    intent_id: str | None
    """The send's, where the mail carried it."""
    message_id: str
    source: str
    """The return path: bare, in lower case."""
    ts: int
    """When it happened, by the provider, in milliseconds."""
    recipients: tuple[str, ...]
    """Bare addresses that it is about."""
    payload: dict[str, Any]
    """The event's payload object without its ids and time; empty where there is no event."""
    permanent: bool = False
    """A bounce after which there is no use in trying again."""


class _Details(NamedTuple):
    recipients: tuple[str, ...]
    payload: dict[str, Any]
    permanent: bool = False


def read(body: str, *, region: str) -> Notice | None:
    """None for what is no notice (a topic's own messages) or of a kind that means nothing here. Raises ValueError, KeyError or
    TypeError for what is malformed."""
    event = _unwrapped(body)
    kind = str(event.get("eventType"))
    if kind not in _DETAILS_OF:
        return None
    name, described = _DETAILS_OF[kind]
    mail, details = event["mail"], event.get(name) or {}
    recipients, payload, permanent = described(details)
    ts = parse_instant(details.get("timestamp") or mail["timestamp"]) // 1000
    return Notice(
        kind=cast(Kind, kind),
        identity=details.get("feedbackId") or _derived(kind, mail["messageId"], ts, recipients),
        intent_id=next(iter(mail.get("tags", {}).get(INTENT_TAG, ())), None),
        message_id=message_id(mail["messageId"], region),
        source=_bare(mail.get("source") or "").lower(),
        ts=ts,
        recipients=recipients,
        payload=payload,
        permanent=permanent,
    )


def _unwrapped(body: str) -> Mapping[str, Any]:
    """The notice without the topic's envelope; empty for text that is none."""
    notice = json.loads(body)
    if isinstance(notice, Mapping) and "Message" in notice and "eventType" not in notice:
        try:
            notice = json.loads(notice["Message"])
        except ValueError:
            return {}
    return notice if isinstance(notice, Mapping) else {}


def _derived(kind: str, provider_id: str, ts: int, recipients: Iterable[str]) -> str:
    """Deliveries, rejections and delays have no id of their own."""
    parts = (kind, provider_id, str(ts), *sorted(recipients))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _nobody(details: Mapping[str, Any]) -> _Details:
    return _Details((), {})


def _delivery(details: Mapping[str, Any]) -> _Details:
    recipients = _unique(details["recipients"])
    return _Details(recipients, {"recipients": list(recipients)})


def _bounce(details: Mapping[str, Any]) -> _Details:
    bounced = {_bare(each["emailAddress"]): each.get("status") or "bounced" for each in details["bouncedRecipients"]}
    kind = details.get("bounceType")
    payload = {
        "type": kind if kind in BOUNCE_TYPES else "Undetermined",
        "sub_type": details.get("bounceSubType") or "General",
        "recipients": [{"address": address, "status": status} for address, status in bounced.items()],
    }
    return _Details(tuple(bounced), payload, permanent=kind == "Permanent")


def _complaint(details: Mapping[str, Any]) -> _Details:
    recipients = _unique(each["emailAddress"] for each in details["complainedRecipients"])
    payload = {
        "type": details.get("complaintFeedbackType") or "abuse",
        "sub_type": details.get("complaintSubType") or "spam",
        "recipients": list(recipients),
    }
    return _Details(recipients, payload)


def _reject(details: Mapping[str, Any]) -> _Details:
    return _Details((), {"reason": details.get("reason") or "Rejected by the mail provider"})


_DETAILS_OF: dict[str, tuple[str, Callable[[Mapping[str, Any]], _Details]]] = {
    "Send": ("send", _nobody),
    "Delivery": ("delivery", _delivery),
    "Bounce": ("bounce", _bounce),
    "Complaint": ("complaint", _complaint),
    "Reject": ("reject", _reject),
    "DeliveryDelay": ("deliveryDelay", _nobody),
}
"""Kind -> the name of its details in the notice, and how they are read."""


def _unique(addresses: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_bare(address) for address in addresses))


def _bare(value: str) -> str:
    address = parse_address(value)
    return address.bare if address is not None else value.strip()
