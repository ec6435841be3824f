"""What the tests of the one-machine side share."""

from __future__ import annotations

from pathlib import Path

from local import Stack
from mailroom.ports import BlobMissing
from mailroom.store import keys

TEMPLATE = Path(__file__).parent / "template.yaml"


def blob(stack: Stack, key: str) -> bytes | None:
    try:
        return stack.blobs.get(key)
    except BlobMissing:
        return None


def blobs_below(stack: Stack, folder: str) -> list[bytes]:
    bounds = (f"{folder}/".encode(), f"{folder}/".encode() + b"\xff")
    rows = stack.database.read().execute("SELECT data FROM small_blob WHERE key >= ? AND key < ?", bounds).fetchall()
    files = (stack.folder.path / "blobs" / "keys" / folder).glob("*")
    return [bytes(data) for (data,) in rows] + [path.read_bytes() for path in files]


def add_address(stack: Stack, email: str, state: str = "live") -> None:
    stack.items.put(keys.address(email), {"organization_id": "o", "inbox_id": email, "pod_id": "p", "state": state})
