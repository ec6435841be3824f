"""Bodies of the endpoints that read and label messages (spec: messages.md)."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mailroom.http.body import Body, Schema, checked, list_of, object_of, string, strings
from mailroom.http.paths import normalized_message_id
from mailroom.messages.labels import changeable

MAX_BATCH_GET = 500
MAX_BATCH_UPDATE = 50


class LabelChanges(TypedDict):
    add_labels: NotRequired[list[str]]
    remove_labels: NotRequired[list[str]]


class BatchGet(TypedDict):
    message_ids: list[str]


class BatchUpdate(LabelChanges, BatchGet):
    pass


def message_ids(high: int) -> Schema:
    """Ids in their stored form, 1 to `high` of them, none twice."""
    return checked(list_of(string(), low=1, high=high), _distinct)


def _distinct(ids: list[str]) -> list[str]:
    normal = [normalized_message_id(message_id) for message_id in ids]
    if len(set(normal)) < len(normal):
        raise ValueError("Message ids must be distinct")
    return normal


CHANGES = strings(checked(string(), changeable))
"""Labels to add or to remove: a string or a list of them."""

LABEL_CHANGES = Body[LabelChanges](object_of(update=True, add_labels=CHANGES, remove_labels=CHANGES))
BATCH_GET = Body[BatchGet](object_of(("message_ids",), message_ids=message_ids(MAX_BATCH_GET)))
BATCH_UPDATE = Body[BatchUpdate](
    object_of(("message_ids",), update=True, message_ids=message_ids(MAX_BATCH_UPDATE), add_labels=CHANGES, remove_labels=CHANGES)
)
