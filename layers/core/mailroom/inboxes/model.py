"""What callers send about an inbox, and the `Inbox` they get back (spec: inboxes.md)."""

from __future__ import annotations

import json
import unicodedata
from typing import Any, Literal, NotRequired, TypedDict

from mailroom.clock import to_wire
from mailroom.errors import ValidationError
from mailroom.http.body import Body, Schema, anything, checked, client_id, map_of, object_of, one_of, string
from mailroom.inboxes.names import username
from mailroom.inboxes.record import InboxRecord
from mailroom.mail.addresses import ascii_domain

MAX_METADATA = 256
"""Keys, and characters of a key or a string value."""

Metadata = dict[str, str | int | float | bool]
_LINE_BREAKING = frozenset({"Cc", "Zl", "Zp"})


class CreateInbox(TypedDict):
    username: NotRequired[str]
    domain: NotRequired[str]
    inbox_id: NotRequired[str]
    display_name: NotRequired[str]
    client_id: NotRequired[str]
    status: NotRequired[Literal["active", "paused"]]
    metadata: NotRequired[Metadata]


class UpdateInbox(TypedDict):
    display_name: NotRequired[str | None]
    status: NotRequired[Literal["active", "paused"]]
    metadata: NotRequired[dict[str, str | int | float | bool | None] | None]


def _display_name(value: str) -> str:
    if any(unicodedata.category(character) in _LINE_BREAKING for character in value):
        raise ValueError("Must not contain control characters")
    return value


def _address(value: str) -> str:
    name, at, domain = value.rpartition("@")
    if not at or not domain:
        raise ValueError("Must be an address, name@domain")
    return f"{username(name)}@{_domain(domain)}"


def _domain(value: str) -> str:
    """As domains are registered; what is no domain is not found either."""
    return ascii_domain(value) or value.lower()


def _value(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_METADATA:
        raise ValueError(f"Must have at most {MAX_METADATA} characters")
    if not isinstance(value, str | int | float):
        raise ValueError("Must be a string, a number or a boolean")
    return value


def _value_or_null(value: Any) -> Any:
    return None if value is None else _value(value)


def _entries(value: dict[str, Any]) -> dict[str, Any]:
    if len(value) > MAX_METADATA:
        raise ValueError(f"Must have at most {MAX_METADATA} keys")
    if any(len(key) > MAX_METADATA for key in value):
        raise ValueError(f"Keys must have at most {MAX_METADATA} characters")
    return value


def _some_entries(value: dict[str, Any]) -> dict[str, Any]:
    if not value:
        raise ValueError("Must have at least one key; null clears all")
    return _entries(value)


def _metadata(value_rule: Any, rule: Any) -> Schema:
    return checked(map_of(checked(anything(), value_rule)), rule)


CREATE_INBOX: Body[CreateInbox] = Body(
    object_of(
        username=checked(string(), username),
        domain=checked(string(low=1, high=253), _domain),
        inbox_id=checked(string(), _address),
        display_name=checked(string(low=1, high=256), _display_name),
        client_id=client_id(),
        status=one_of("active", "paused"),
        metadata=_metadata(_value, _entries),
    )
)
UPDATE_INBOX: Body[UpdateInbox] = Body(
    object_of(
        update=True,
        nulls=("display_name", "metadata"),
        display_name=checked(string(high=256), _display_name),
        status=one_of("active", "paused"),
        metadata=_metadata(_value_or_null, _some_entries),
    )
)


def chosen_address(body: CreateInbox) -> tuple[str | None, str | None]:
    """(local part, domain) as far as the body names them. Raises ValidationError where its two forms disagree."""
    name, domain = body.get("username"), body.get("domain")
    if "inbox_id" not in body:
        return name, domain
    whole_name, _, whole_domain = body["inbox_id"].rpartition("@")
    if name not in (None, whole_name) or domain not in (None, whole_domain):
        raise ValidationError.at("inbox_id", "Disagrees with username and domain")
    return whole_name, whole_domain


def merged(before: str | None, changes: dict[str, Any] | None) -> str | None:
    """The metadata afterwards, as stored: null clears all, a null value removes its key. Raises ValidationError over the limit."""
    if changes is None:
        return None
    both = {**(json.loads(before) if before else {}), **changes}
    kept = {key: value for key, value in both.items() if value is not None}
    if len(kept) > MAX_METADATA:
        raise ValidationError.at("metadata", f"Must have at most {MAX_METADATA} keys")
    return stored(kept)


def stored(metadata: dict[str, Any]) -> str | None:
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":")) if metadata else None


def inbox(record: InboxRecord) -> dict[str, Any]:
    """The `Inbox` of the wire."""
    shown: dict[str, Any] = {"pod_id": record["pod_id"], "inbox_id": record["inbox_id"], "email": record["inbox_id"]}
    shown |= {name: value for name, value in record.items() if name in ("display_name", "client_id", "status")}
    if "metadata" in record:
        shown["metadata"] = json.loads(record["metadata"])
    return {**shown, "updated_at": to_wire(record["updated_at"]), "created_at": to_wire(record["created_at"])}
