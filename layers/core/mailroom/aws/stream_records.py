"""Changes as records of a DynamoDB stream and back: what Lambda hands to the functions that follow a table. Loads no client."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mailroom.aws.attribute_values import from_attributes, to_attribute, to_attributes
from mailroom.store.port import ChangeRecord, Item, Key, Table
from mailroom.store.schema import TABLES


def stream_event(changes: Sequence[ChangeRecord]) -> dict[str, Any]:
    """What Lambda hands to a function that follows the tables of the changes."""
    return {"Records": [record_of(change) for change in changes]}


def change_of(record: Mapping[str, Any], table: Table) -> ChangeRecord:
    """A record of `table`'s stream, as Lambda hands it over (bytes in base64) or as the client answers it."""
    images = record["dynamodb"]
    keys = from_attributes(images["Keys"])
    return ChangeRecord(
        sequence=images["SequenceNumber"],
        table=table,
        key=Key.of(table, keys),
        old=_image(images.get("OldImage")),
        new=_image(images.get("NewImage")),
    )


def record_of(change: ChangeRecord) -> dict[str, Any]:
    """The change as a record of a Lambda stream event; bytes are base64 text, so that the event survives JSON."""
    images = {"OldImage": change.old, "NewImage": change.new}
    return {
        "eventID": change.sequence,
        "eventName": _event_name(change),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "local",
        "eventSourceARN": f"arn:aws:dynamodb:local:000000000000:table/{change.table}/stream/local",
        "dynamodb": {
            "Keys": to_attributes({"pk": change.key.pk, "sk": change.key.sk}),
            **{name: _Image(image) for name, image in images.items() if image is not None},
            "SequenceNumber": change.sequence,
            "StreamViewType": TABLES[change.table].stream,
        },
    }


class _Image(dict[str, Any]):
    """A row as attribute values, which remembers what it was made of."""

    def __init__(self, item: Item) -> None:
        super().__init__((name, _as_json(value)) for name, value in item.items())
        self.item = item


def _event_name(change: ChangeRecord) -> str:
    if change.new is None:
        return "REMOVE"
    return "INSERT" if change.old is None else "MODIFY"


def _image(attributes: Mapping[str, Any] | None) -> Item | None:
    if attributes is None:
        return None
    return attributes.item if isinstance(attributes, _Image) else from_attributes(attributes)


def _as_json(value: Any) -> dict[str, Any]:
    """An attribute value with base64 text for bytes."""
    kind = type(value)
    if kind is bytes:
        return {"B": base64.b64encode(value).decode("ascii")}
    if kind is list:
        return {"L": [_as_json(element) for element in value]}
    if kind is dict:
        return {"M": {name: _as_json(inner) for name, inner in value.items()}}
    return to_attribute(value)
