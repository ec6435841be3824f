from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.blob_files import FileBlobs
from local.blobs import SMALL, LocalBlobs
from local.links import Links
from local.store.database import Database
from mailroom.clock import now_ms
from mailroom.ports import BlobMissing

LINKS = Links(b"secret", base=lambda: "http://x", clock=now_ms)
HARD_KEYS = [
    "a",
    "a/b",
    "a//b",
    "/a",
    "a/",
    "",
    "..",
    "../../../etc/passwd",
    "a/../b",
    "a/./b",
    ".hidden",
    "A",
    "a,",
    "a+",
    "a%2fb",
    "nul\x00byte",
    "back\\slash",
    "ü/" + "é" * 300,
    "x" * 1024,
    "a/" * 500 + "z",
    "CON",
    "line\nfeed",
    "x" * 180,
    "x" * 181,
]


@pytest.fixture
def files(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture(params=["files", "both"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path, files: FileBlobs) -> Iterator[FileBlobs | LocalBlobs]:
    database = Database(":memory:")
    yield files if request.param == "files" else LocalBlobs(database, files, links=LINKS)
    database.close()
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_no_key_reaches_another_one_or_the_outside(blobs: FileBlobs | LocalBlobs) -> None:
    for key in HARD_KEYS:
        blobs.put(key, key.encode())

    assert {key: blobs.get(key) for key in HARD_KEYS} == {key: key.encode() for key in HARD_KEYS}


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_a_path_leads_back_to_its_key(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    files = FileBlobs(tmp_path_factory.mktemp("blobs"), durable=False)
    path = files.path(key)

    assert files._key(path) == key
    assert ".." not in path.parts
    assert all(len(part.encode()) <= 200 for part in path.relative_to(files._root).parts)


def test_names_differ_also_where_case_does_not_count(files: FileBlobs) -> None:
    assert str(files.path("Key")).lower() != str(files.path("key")).lower()


def test_a_second_put_replaces_the_first(blobs: FileBlobs | LocalBlobs) -> None:
    blobs.put("k", b"one")
    blobs.put("k", b"two")

    assert blobs.get("k") == b"two"


def test_a_missing_blob_is_told(blobs: FileBlobs | LocalBlobs) -> None:
    blobs.put("a", b"")

    for key in ("b", "a/b", "a/b/c"):
        with pytest.raises(BlobMissing):
            blobs.get(key)
    with pytest.raises(BlobMissing):
        blobs.copy("b", "c")


def test_a_copy_lives_on_without_its_source(blobs: FileBlobs | LocalBlobs) -> None:
    blobs.put("a/b", b"data")
    blobs.copy("a/b", "c/d")
    blobs.copy("a/b", "c/d")
    blobs.copy("a/b", "a/b")
    blobs.delete(["a/b", "not there"])

    assert blobs.get("c/d") == b"data"


def test_replacing_a_source_leaves_its_copy(blobs: FileBlobs | LocalBlobs) -> None:
    blobs.put("a", b"old")
    blobs.copy("a", "b")
    blobs.put("a", b"new")

    assert blobs.get("b") == b"old"


def test_a_prefix_is_deleted_exactly(blobs: FileBlobs | LocalBlobs) -> None:
    for key in ("org/o/in/1/raw", "org/o/in/2/raw", "org/o/inx/1/raw", "org/o/in", "ses/1"):
        blobs.put(key, b"x")

    assert blobs.delete_prefix("org/o/in/") == 2
    assert blobs.get("org/o/inx/1/raw") == b"x"
    assert blobs.get("org/o/in") == b"x"
    assert blobs.delete_prefix("org/o/i") == 2
    assert blobs.delete_prefix("nothing/here/") == 0
    assert blobs.get("ses/1") == b"x"


def test_old_blobs_expire(blobs: FileBlobs | LocalBlobs) -> None:
    blobs.put("ses/1", b"x")
    blobs.put("org/1", b"x")

    assert blobs.expire("ses/", older_than_s=3600) == 0
    assert blobs.expire("ses/", older_than_s=-1) == 1
    assert blobs.get("org/1") == b"x"


def test_many_threads_may_put_and_delete_in_one_folder(blobs: FileBlobs | LocalBlobs) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            blobs.put(f"f/{number % 3}/{number}", b"%d" % turn)
            blobs.delete([f"f/{number % 3}/{number}"])
        blobs.put(f"f/{number % 3}/{number}", b"last")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))

    assert all(blobs.get(f"f/{number % 3}/{number}") == b"last" for number in range(16))


def test_a_write_that_fails_leaves_nothing(files: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            files.put("k", b"x")

    assert list(files._scratch.iterdir()) == []
    with pytest.raises(BlobMissing):
        files.get("k")


def test_a_blob_is_one_whatever_its_size_becomes(tmp_path: Path, files: FileBlobs) -> None:
    database = Database(":memory:")
    blobs = LocalBlobs(database, files, links=LINKS)
    large = b"x" * (SMALL + 1)

    for data in (b"small", large, b"small again", large):
        blobs.put("k", data)
        assert blobs.get("k") == data
        with blobs.open("k") as file:
            assert file.read() == data
    blobs.copy("k", "l")
    blobs.delete(["k"])

    with pytest.raises(BlobMissing):
        blobs.get("k")
    assert blobs.get("l") == large
    database.close()


def test_a_small_blob_exists_only_with_the_transaction_it_is_part_of(tmp_path: Path, files: FileBlobs) -> None:
    database = Database(":memory:")
    blobs = LocalBlobs(database, files, links=LINKS)
    keep = blobs.staged("k", b"small")

    def fail(connection: sqlite3.Connection) -> None:
        keep(connection)
        raise KeyError

    with pytest.raises(KeyError):
        database.write(fail)

    with pytest.raises(BlobMissing):
        blobs.get("k")
    database.close()
