from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.blobs import FileBlobs
from local.links import Links
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
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    yield FileBlobs(tmp_path / "blobs", links=LINKS)
    assert [path.name for path in tmp_path.iterdir()] == ["blobs"]


def test_no_key_reaches_another_one_or_the_outside(blobs: FileBlobs) -> None:
    for key in HARD_KEYS:
        blobs.put(key, key.encode())

    assert {key: blobs.get(key) for key in HARD_KEYS} == {key: key.encode() for key in HARD_KEYS}


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_a_path_leads_back_to_its_key(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    blobs = FileBlobs(tmp_path_factory.mktemp("blobs"), links=LINKS, durable=False)
    path = blobs.path(key)

    assert blobs._key(path) == key
    assert ".." not in path.parts
    assert all(len(part.encode()) <= 200 for part in path.relative_to(blobs._root).parts)


def test_names_differ_also_where_case_does_not_count(blobs: FileBlobs) -> None:
    assert str(blobs.path("Key")).lower() != str(blobs.path("key")).lower()


def test_a_second_put_replaces_the_first(blobs: FileBlobs) -> None:
    blobs.put("k", b"one")
    blobs.put("k", b"two")

    assert blobs.get("k") == b"two"


def test_a_missing_blob_is_told(blobs: FileBlobs) -> None:
    blobs.put("a", b"")

    for key in ("b", "a/b", "a/b/c"):
        with pytest.raises(BlobMissing):
            blobs.get(key)
    with pytest.raises(BlobMissing):
        blobs.copy("b", "c")


def test_a_copy_lives_on_without_its_source(blobs: FileBlobs) -> None:
    blobs.put("a/b", b"data")
    blobs.copy("a/b", "c/d")
    blobs.copy("a/b", "c/d")
    blobs.copy("a/b", "a/b")
    blobs.delete(["a/b", "not there"])

    assert blobs.get("c/d") == b"data"


def test_replacing_a_source_leaves_its_copy(blobs: FileBlobs) -> None:
    blobs.put("a", b"old")
    blobs.copy("a", "b")
    blobs.put("a", b"new")

    assert blobs.get("b") == b"old"


def test_a_prefix_is_deleted_exactly(blobs: FileBlobs) -> None:
    for key in ("org/o/in/1/raw", "org/o/in/2/raw", "org/o/inx/1/raw", "org/o/in", "ses/1"):
        blobs.put(key, b"x")

    assert blobs.delete_prefix("org/o/in/") == 2
    assert blobs.get("org/o/inx/1/raw") == b"x"
    assert blobs.get("org/o/in") == b"x"
    assert blobs.delete_prefix("org/o/i") == 2
    assert blobs.delete_prefix("nothing/here/") == 0
    assert blobs.get("ses/1") == b"x"


def test_old_blobs_expire(blobs: FileBlobs) -> None:
    blobs.put("ses/1", b"x")
    blobs.put("org/1", b"x")

    assert blobs.expire("ses/", older_than_s=3600) == 0
    assert blobs.expire("ses/", older_than_s=-1) == 1
    assert blobs.get("org/1") == b"x"


def test_many_threads_may_put_and_delete_in_one_folder(blobs: FileBlobs) -> None:
    def work(number: int) -> None:
        for turn in range(20):
            blobs.put(f"f/{number % 3}/{number}", b"%d" % turn)
            blobs.delete([f"f/{number % 3}/{number}"])
        blobs.put(f"f/{number % 3}/{number}", b"last")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))

    assert all(blobs.get(f"f/{number % 3}/{number}") == b"last" for number in range(16))


def test_a_write_that_fails_leaves_nothing(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space"):
            blobs.put("k", b"x")

    assert list(blobs._scratch.iterdir()) == []
    with pytest.raises(BlobMissing):
        blobs.get("k")
