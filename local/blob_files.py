"""Large blobs as files in a folder: written beside, made durable, then renamed into place (design: architecture.md).

A key's segments become folders and its last one a file. Segments are escaped so that any key gives a safe path, that two keys never
share one (also where names are compared without case), and that the path leads back to the key.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote_to_bytes

from mailroom.ports import BlobMissing

_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-_=@~")
_PIECE = 180
"""Longest name; file systems allow 255 bytes. A longer segment goes on in a subfolder, marked by a `+` at the end of the name."""
_LEAF = ","
"""Ends a file's name, so that the keys `a` and `a/b` can exist together."""


class FileBlobs:
    """Safe for several threads."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._root = folder / "keys"
        self._scratch = folder / "tmp"
        self._durable = durable
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True)
        self._root.mkdir(exist_ok=True)
        self._counter = 0
        self._lock = threading.Lock()

    def put(self, key: str, data: bytes) -> None:
        scratch = self._scratch_file()
        try:
            with scratch.open("xb") as file:
                file.write(data)
                if self._durable:
                    file.flush()
                    os.fsync(file.fileno())
            self._into_place(key, scratch)
        finally:
            scratch.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Raises BlobMissing."""
        with self.open(key) as file:
            return file.read()

    def open(self, key: str) -> BinaryIO:
        """Raises BlobMissing."""
        try:
            return self.path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError):
            raise BlobMissing(key) from None

    def copy(self, source: str, target: str) -> None:
        """Raises BlobMissing."""
        origin = self.path(source)
        scratch = self._scratch_file()
        try:
            try:
                os.link(origin, scratch)
            except FileNotFoundError:
                raise BlobMissing(source) from None
            except OSError:
                self.put(target, self.get(source))
                return
            self._into_place(target, scratch)
        finally:
            # Renaming one hard link over another of the same file leaves both in place.
            scratch.unlink(missing_ok=True)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            path = self.path(key)
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            self._prune(path.parent)

    def delete_prefix(self, prefix: str) -> int:
        start = self._root.joinpath(*_folders(prefix.rpartition("/")[0])) if "/" in prefix else self._root
        doomed = [path for path in _files(start) if self._key(path).startswith(prefix)]
        for path in doomed:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in doomed}:
            self._prune(folder)
        return len(doomed)

    def path(self, key: str) -> Path:
        """Where a key's bytes are, if there are any."""
        *folders, last = key.split("/")
        pieces = _pieces(last)
        names = [name for folder in folders for name in _pieces(folder)]
        return self._root.joinpath(*names, *pieces[:-1], pieces[-1] + _LEAF)

    def expire(self, prefix: str, *, older_than_s: int) -> int:
        """Deletes what is below a prefix and was written so long ago; returns how many."""
        limit = time.time() - older_than_s
        old = [path for path in _files(self._root.joinpath(*_folders(prefix.rstrip("/")))) if path.stat().st_mtime < limit]
        self.delete(self._key(path) for path in old)
        return len(old)

    def _scratch_file(self) -> Path:
        with self._lock:
            self._counter += 1
            return self._scratch / str(self._counter)

    def _into_place(self, key: str, scratch: Path) -> None:
        path = self.path(key)
        # A folder can be pruned between being made and being used.
        for _ in range(100):
            created = self._make(path.parent)
            try:
                os.replace(scratch, path)
                break
            except FileNotFoundError:
                continue
        else:
            raise OSError("the folder of a blob keeps vanishing")
        if self._durable:
            for folder in (path.parent, *(folder.parent for folder in created)):
                sync_folder(folder)

    def _make(self, folder: Path) -> list[Path]:
        """The folders that had to be created."""
        missing: list[Path] = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for path in reversed(missing):
            with contextlib.suppress(FileNotFoundError):
                path.mkdir(exist_ok=True)
        return missing

    def _prune(self, folder: Path) -> None:
        """Removes folders that have become empty."""
        while folder != self._root:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent

    def _key(self, path: Path) -> str:
        *folders, last = path.relative_to(self._root).parts
        segments: list[str] = [""]
        for name in (*folders, last.removesuffix(_LEAF)):
            if name.endswith("+"):
                segments[-1] += name[:-1]
            else:
                segments[-1] += name
                segments.append("")
        return "/".join(_unescape(segment) for segment in segments[:-1])


def _escape(segment: str) -> str:
    raw = segment.encode("utf-8", "surrogatepass")
    if not raw:
        return "%"
    return "".join(chr(byte) if byte in _SAFE or (byte == 0x2E and raw not in (b".", b"..")) else f"%{byte:02x}" for byte in raw)


def _unescape(name: str) -> str:
    return "" if name == "%" else unquote_to_bytes(name).decode("utf-8", "surrogatepass")


def _pieces(segment: str) -> list[str]:
    name = _escape(segment)
    cut = [name[start : start + _PIECE] for start in range(0, len(name), _PIECE)]
    return [*(piece + "+" for piece in cut[:-1]), cut[-1]]


def _folders(prefix: str) -> list[str]:
    return [name for segment in prefix.split("/") for name in _pieces(segment)]


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place, name)


def sync_folder(folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0))
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
