"""What callers send about a webhook, and the `Webhook` they get back (spec: webhooks.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NotRequired, TypedDict

from mailroom.clock import to_wire
from mailroom.errors import FieldError, ValidationError
from mailroom.events import types
from mailroom.http.body import Body, Schema, boolean, checked, client_id, list_of, map_of, object_of, one_of, string
from mailroom.keys.scopes import Route
from mailroom.webhooks.headers import header_map
from mailroom.webhooks.record import WebhookRecord
from mailroom.webhooks.targets import MAX_URL, well_formed

MAX_ADDRESS = 320
MAX_POD_ID = 256
SUBSCRIBABLE = (*types.ALL, *types.LATER)


class CreateWebhook(TypedDict):
    url: str
    event_types: NotRequired[list[str]]
    inbox_ids: NotRequired[list[str]]
    pod_ids: NotRequired[list[str]]
    client_id: NotRequired[str]
    headers: NotRequired[dict[str, str]]


class UpdateWebhook(TypedDict):
    event_types: NotRequired[list[str]]
    enabled: NotRequired[bool]
    add_inbox_ids: NotRequired[list[str]]
    remove_inbox_ids: NotRequired[list[str]]
    add_pod_ids: NotRequired[list[str]]
    remove_pod_ids: NotRequired[list[str]]


class UpdateHeaders(TypedDict):
    headers: NotRequired[dict[str, str]]
    remove_headers: NotRequired[list[str]]


def once(values: Iterable[str]) -> list[str]:
    """In the order of their first mention."""
    return list(dict.fromkeys(values))


def inbox_ids() -> Schema:
    return checked(list_of(string(low=1, high=MAX_ADDRESS)), lambda values: once(value.lower() for value in values))


def pod_ids() -> Schema:
    return checked(list_of(string(low=1, high=MAX_POD_ID)), once)


def event_types(*, low: int = 0) -> Schema:
    return checked(list_of(one_of(*SUBSCRIBABLE), low=low), once)


CREATE_WEBHOOK: Body[CreateWebhook] = Body(
    object_of(
        ("url",),
        url=checked(string(low=1, high=MAX_URL), well_formed),
        event_types=event_types(),
        inbox_ids=inbox_ids(),
        pod_ids=pod_ids(),
        client_id=client_id(),
        headers=checked(map_of(string()), header_map),
    )
)
UPDATE_WEBHOOK: Body[UpdateWebhook] = Body(
    object_of(
        update=True,
        event_types=event_types(),
        enabled=boolean(),
        add_inbox_ids=inbox_ids(),
        remove_inbox_ids=inbox_ids(),
        add_pod_ids=pod_ids(),
        remove_pod_ids=pod_ids(),
    )
)
UPDATE_HEADERS: Body[UpdateHeaders] = Body(
    object_of(
        update=True,
        headers=checked(map_of(string()), header_map),
        remove_headers=list_of(string(low=1)),
    )
)


def refuse_wider_fields(route: Route, body: Mapping[str, Any]) -> None:
    """Raises ValidationError for pods on a pod route, and for any channel on an inbox route."""
    refused = ("pod_ids", "inbox_ids") if route.inbox_id is not None else ("pod_ids",) if route.pod_id is not None else ()
    found = [name for name in body if name.endswith(refused)] if refused else []
    if found:
        raise ValidationError(FieldError((name,), "Not on this route, which has its channel already") for name in found)


def webhook(record: WebhookRecord) -> dict[str, Any]:
    """The `Webhook` of the wire, secret included."""
    named = ("webhook_id", "url", "event_types", "pod_ids", "inbox_ids", "pod_id", "inbox_id", "enabled", "client_id")
    shown: dict[str, Any] = {name: value for name, value in record.items() if name in named}
    return {
        **shown,
        "secret": record["secrets"][0]["secret"],
        "updated_at": to_wire(record["updated_at"]),
        "created_at": to_wire(record["created_at"]),
    }
