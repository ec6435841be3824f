"""Without a relay, outgoing mail is kept for reading: an .eml file per mail and its envelope in a .json file beside it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local.blobs import sync_folder

if TYPE_CHECKING:
    from local.blobs import FileBlobs
    from local.outbox import Mail


@dataclass(frozen=True, slots=True)
class Captured:
    return_path: str
    recipients: tuple[str, ...]
    raw: bytes


class Capture:
    def __init__(self, folder: Path, *, blobs: FileBlobs) -> None:
        self.folder = folder
        self._blobs = blobs
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, mail: Mail, recipients: Sequence[str]) -> None:
        envelope = {"from": mail.return_path, "to": list(recipients), "intent_id": mail.intent_id, "at": mail.accepted_at}
        self._file(mail, "json").write_text(json.dumps(envelope), encoding="utf-8")
        target = self._file(mail, "eml")
        target.unlink(missing_ok=True)
        try:
            os.link(self._blobs.path(mail.blob), target)
        except OSError:
            shutil.copyfile(self._blobs.path(mail.blob), target)
        sync_folder(self.folder)

    def drop(self, mail: Mail) -> None:
        for kind in ("json", "eml"):
            self._file(mail, kind).unlink(missing_ok=True)

    def mails(self) -> list[Captured]:
        """Oldest first."""
        found = []
        for path in self.folder.glob("*.eml"):
            envelope = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            found.append((envelope["at"], Captured(envelope["from"], tuple(envelope["to"]), path.read_bytes())))
        return [captured for _, captured in sorted(found, key=lambda entry: entry[0])]

    def _file(self, mail: Mail, kind: str) -> Path:
        return self.folder / f"{mail.message_id[1:].partition('@')[0]}.{kind}"
