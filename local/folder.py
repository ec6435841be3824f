"""The data folder: one process at a time, and the two secrets that are made once and kept."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from mailroom.ids import new_api_key


class DataError(Exception):
    """The data folder cannot be used; the text says why."""


class DataFolder:
    """`None` is a temporary folder that `close` deletes."""

    def __init__(self, path: Path | None) -> None:
        """Raises DataError."""
        self.durable = path is not None
        self.path = path if path is not None else Path(tempfile.mkdtemp(prefix="mailroom-"))
        try:
            self.path.mkdir(0o700, parents=True, exist_ok=True)
            self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DataError(f"cannot write to the data folder {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            raise DataError(f"the data folder {self.path} is used by another running process") from error

    def close(self) -> None:
        os.close(self._lock)
        if not self.durable:
            shutil.rmtree(self.path, ignore_errors=True)

    def api_key(self) -> str:
        return self._kept("api_key", new_api_key)

    def link_secret(self) -> bytes:
        return bytes.fromhex(self._kept("link_secret", lambda: secrets.token_hex(32)))

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        path = self.path / name
        try:
            if not path.exists():
                self._create(path, make())
            return path.read_text(encoding="ascii").strip()
        except OSError as error:
            raise DataError(f"cannot use {path}: {error.strerror}") from error

    def _create(self, path: Path, value: str) -> None:
        scratch = path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(value + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
