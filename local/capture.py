"""The transport without a relay: outgoing mail is kept for reading, an .eml file per mail and its envelope in a .json beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.blob_files import sync_folder

if TYPE_CHECKING:
    from local.delivery import Reply
    from local.outbox import Mail

_KEPT = (250, "2.0.0 Captured")


@dataclass(frozen=True, slots=True)
class Captured:
    return_path: str
    recipients: tuple[str, ...]
    raw: bytes


class Capture:
    """A `delivery.Transport`. Files are named by the mail, so the same one again changes nothing; names sort by age."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, mail: Mail, recipients: Sequence[str], raw: bytes) -> dict[str, Reply]:
        name = mail.message_id[1:].partition("@")[0]
        envelope = {"from": mail.envelope_sender, "to": list(recipients), "intent_id": mail.intent_id, "at": mail.accepted_at}
        _write(self.folder / f"{name}.json", json.dumps(envelope).encode())
        _write(self.folder / f"{name}.eml", raw)
        sync_folder(self.folder)
        return dict.fromkeys(recipients, _KEPT)

    def mails(self) -> list[Captured]:
        """Oldest first."""
        return [_read(path) for path in sorted(self.folder.glob("*.eml"))]


def _write(path: Path, data: bytes) -> None:
    scratch = path.with_suffix(f"{path.suffix}.{os.getpid()}.new")
    with scratch.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def _read(path: Path) -> Captured:
    envelope = json.loads(path.with_suffix(".json").read_bytes())
    return Captured(envelope["from"], tuple(envelope["to"]), path.read_bytes())
