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
    return [path.read_bytes() for path in stack.blobs.path(f"{folder}/x").parent.glob("*")]


def add_address(stack: Stack, email: str, state: str = "live") -> None:
    stack.items.put(keys.address(email), {"organization_id": "o", "inbox_id": email, "pod_id": "p", "state": state})
