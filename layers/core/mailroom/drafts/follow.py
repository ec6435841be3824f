"""What follows a change of a draft: index entries, timers and blobs that it leaves behind (see `index.follow`)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import cast

from mailroom.drafts import files
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.timers import disarm
from mailroom.ports import BlobStore, Timers
from mailroom.store import keys
from mailroom.store.port import ChangeRecord


def follow_drafts(changes: Sequence[ChangeRecord], *, blobs: BlobStore, timers: Timers, now: int) -> None:
    """Raises OSError; then the changes must come again. Ids of drafts are never used again."""
    for change in changes:
        if not keys.is_draft(change.key) or change.old is None:
            continue
        before = cast(DraftRecord, change.old)
        if _has_timer(before, now) and before["timer"] != (change.new or {}).get("timer"):
            # One that cannot be taken back fires for nothing.
            with contextlib.suppress(OSError):
                disarm(before, timers=timers)
        if change.new is None:
            o, _ = keys.owner(change.key.pk)
            files.drop(o, before, blobs=blobs)


def _has_timer(draft: DraftRecord, now: int) -> bool:
    return "timer" in draft and draft["due"] > now
