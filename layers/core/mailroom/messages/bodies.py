"""What only a single message shows: texts and headers, compressed beside the message's row, or as a blob when they are large."""

from __future__ import annotations

import json
import zlib
from typing import Literal, cast

from mailroom.messages.record import Bodies, MessageRecord
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import Item

MAX_ITEM_BODY = 32 * 1024


def pack(bodies: Bodies) -> tuple[Literal["item", "blob"], bytes]:
    """Where the bodies go, and their compressed form: the attribute `data` of `M#{h}#B`, or the blob `keys.blob_body`."""
    data = zlib.compress(json.dumps(bodies, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"), 6)
    return ("item" if len(data) <= MAX_ITEM_BODY else "blob"), data


def unpack(data: bytes) -> Bodies:
    return cast(Bodies, json.loads(zlib.decompress(data)))


def load(o: str, record: MessageRecord, body_row: Item | None, *, blobs: BlobStore) -> Bodies:
    """Raises BlobMissing where the message was deleted meanwhile."""
    if record["body"] == "blob":
        return unpack(blobs.get(keys.blob_body(o, record["inbox_id"], record["uid"])))
    if record["body"] == "none" or body_row is None:
        return Bodies()
    return unpack(bytes(body_row["data"]))
