"""Implements `ports.BlobStore` on one machine: small blobs as rows, large ones as files, one key space."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, BinaryIO

from local.blob_files import FileBlobs
from local.blob_rows import BlobRows
from mailroom.ports import BlobMissing
from mailroom.store.port import StoreError

if TYPE_CHECKING:
    from local.links import Links
    from local.store.database import Database

SMALL = 64 * 1024
"""Up to here a row is read and written faster than a file (docs/decisions/0008)."""


class LocalBlobs:
    """Safe for several threads. A key's bytes are in one place at a time; while one place replaces the other, in both."""

    def __init__(self, database: Database, files: FileBlobs, *, links: Links) -> None:
        self._database = database
        self._rows = BlobRows(database)
        self._files = files
        self._links = links

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None:
        """`content_type` is not kept: who asks for a URL names it."""
        keep = self.staged(key, data)
        try:
            self._database.write(keep)
        except StoreError:
            self.unstage(key)
            raise

    def staged(self, key: str, data: bytes) -> Callable[[sqlite3.Connection], None]:
        """What remains to be done in the transaction that makes the blob exist together with something else. A large one is
        durable as a file when this returns."""
        if len(data) <= SMALL:
            return lambda connection: self._rows.put_within(connection, key, data)
        self._files.put(key, data)
        return lambda connection: self._rows.drop_within(connection, [key])

    def unstage(self, key: str) -> None:
        """Takes away what `staged` left in the file system when its transaction failed."""
        self._files.delete([key])

    def get(self, key: str) -> bytes:
        try:
            return self._rows.get(key)
        except BlobMissing:
            return self._files.get(key)

    def open(self, key: str) -> BinaryIO:
        """Raises BlobMissing."""
        try:
            return io.BytesIO(self._rows.get(key))
        except BlobMissing:
            return self._files.open(key)

    def copy(self, source: str, target: str) -> None:
        if not self._rows.copy(source, target):
            self._files.copy(source, target)
            self._rows.delete([target])

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        self._files.delete(doomed)
        self._rows.delete(doomed)

    def delete_prefix(self, prefix: str) -> int:
        # Files first: on a full disk a row may not even be deletable.
        return self._files.delete_prefix(prefix) + self._rows.delete_prefix(prefix)

    def url(self, key: str, *, filename: str | None, content_type: str | None, inline: bool, seconds: int) -> str:
        return self._links.url(key, filename=filename, content_type=content_type, inline=inline, seconds=seconds)

    def expire(self, prefix: str, *, older_than_s: int) -> int:
        """Deletes what is below a prefix and was written so long ago; returns how many."""
        return self._rows.delete_prefix(prefix, older_than_s=older_than_s) + self._files.expire(prefix, older_than_s=older_than_s)
