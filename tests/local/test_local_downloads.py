from __future__ import annotations

from email.message import Message

import httpx
import pytest

from local import Stack
from local.links import BadLink, Links
from mailroom.clock import now_ms


def url(stack: Stack, key: str, **changes: object) -> str:
    options: dict[str, object] = {"filename": None, "content_type": None, "inline": False, "seconds": 60} | changes
    return stack.blobs.url(key, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def key(stack: Stack) -> str:
    stack.blobs.put("org/o/file", b"0123456789")
    return "org/o/file"


def test_a_link_serves_the_bytes_without_and_despite_credentials(stack: Stack, key: str) -> None:
    link = url(stack, key, content_type="image/png")

    for headers in ({}, {"Authorization": "Bearer am_wrong"}):
        answer = httpx.get(link, headers=headers)
        assert answer.content == b"0123456789"
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    "filename",
    [
        "plain.txt",
        'quo"te.txt',
        "ünïcode €.pdf",
        "a\r\nX-Evil: 1",
        "back\\slash",
        "../../x",
        "semi;colon",
        "\ud800",
        "%41",
        "'",
        "x" * 3000,
    ],
)
def test_a_filename_cannot_leave_its_header(stack: Stack, key: str, filename: str) -> None:
    answer = httpx.get(url(stack, key, filename=filename))

    message = Message()
    message["Content-Disposition"] = answer.headers["content-disposition"]
    assert answer.status_code == 200
    assert "x-evil" not in answer.headers
    assert message.get_content_disposition() == "attachment"
    assert message.get_params(header="content-disposition", unquote=True)


def test_the_exact_filename_is_given_for_rfc_8187(stack: Stack, key: str) -> None:
    header = httpx.get(url(stack, key, filename='ü "x".txt', content_type="text/plain", inline=True)).headers["content-disposition"]

    assert header == "inline; filename=\"_ _x_.txt\"; filename*=UTF-8''%C3%BC%20%22x%22.txt"


@pytest.mark.parametrize("content_type", ["text/html\r\nX-Evil: 1", "nonsense", "text/plain; charset=utf-8; x", "ü/x"])
def test_a_malformed_content_type_becomes_bytes(stack: Stack, key: str, content_type: str) -> None:
    assert httpx.get(url(stack, key, content_type=content_type)).headers["content-type"] == "application/octet-stream"


def test_a_content_type_keeps_its_charset(stack: Stack, key: str) -> None:
    answer = httpx.get(url(stack, key, content_type='text/plain; charset="utf-8"'))

    assert answer.headers["content-type"] == 'text/plain; charset="utf-8"'


@pytest.mark.parametrize("where", [0, 5, -1, -20])
def test_an_altered_link_is_refused(stack: Stack, key: str, where: int) -> None:
    base, _, token = url(stack, key).rpartition("/")
    changed = "A" if token[where] != "A" else "B"
    at = where % len(token)

    answer = httpx.get(f"{base}/{token[:at]}{changed}{token[at + 1 :]}")

    assert answer.status_code == 403
    assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize("token", ["", "x", "x.y", "a.b.c", "%2e%2e/%2e%2e/etc/passwd", "../x", "=.=", "é"])
def test_a_made_up_link_is_refused(stack: Stack, token: str) -> None:
    assert httpx.get(f"{stack.http}/blobs/{token}").status_code in (403, 404)


def test_a_link_expires() -> None:
    now = [now_ms()]
    links = Links(b"s", base=lambda: "http://x", clock=lambda: now[0])
    token = links.url("k", filename=None, content_type=None, inline=False, seconds=10).rpartition("/")[2]

    assert links.open(token).key == "k"
    now[0] += 10_000
    with pytest.raises(BadLink):
        links.open(token)


def test_a_link_of_another_deployment_is_refused(stack: Stack, key: str) -> None:
    foreign = Links(b"other", base=lambda: stack.http, clock=now_ms)

    link = foreign.url(key, filename=None, content_type=None, inline=False, seconds=60)

    assert httpx.get(link).status_code == 403


def test_a_deleted_blob_is_404(stack: Stack) -> None:
    assert httpx.get(url(stack, "not/there")).status_code == 404


def test_head_tells_the_size_and_sends_nothing(stack: Stack, key: str) -> None:
    answer = httpx.head(url(stack, key))

    assert answer.headers["content-length"] == "10"
    assert answer.content == b""


def test_other_methods_are_405(stack: Stack, key: str) -> None:
    assert httpx.delete(url(stack, key)).status_code == 405


@pytest.mark.parametrize(
    ("asked", "status", "body"),
    [
        ("bytes=0-3", 206, b"0123"),
        ("bytes=8-", 206, b"89"),
        ("bytes=-2", 206, b"89"),
        ("bytes=5-99", 206, b"56789"),
        ("bytes=-99", 200, b"0123456789"),
        ("bytes=10-", 416, b""),
        ("bytes=-0", 416, b""),
        ("bytes=3-2", 200, b"0123456789"),
        ("bytes=0-1,3-4", 200, b"0123456789"),
        ("lines=1-2", 200, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
    ],
)
def test_one_range_is_served(stack: Stack, key: str, asked: str, status: int, body: bytes) -> None:
    answer = httpx.get(url(stack, key), headers={"Range": asked})

    assert answer.status_code == status
    assert answer.content == body
    assert status != 206 or answer.headers["content-range"].endswith("/10")


def test_a_large_blob_is_streamed(stack: Stack) -> None:
    data = bytes(range(256)) * 4 * 8192
    stack.blobs.put("large", data)

    assert httpx.get(url(stack, "large")).content == data


def test_an_empty_blob_is_served(stack: Stack) -> None:
    stack.blobs.put("empty", b"")

    answer = httpx.get(url(stack, "empty"))

    assert answer.status_code == 200
    assert answer.headers["content-length"] == "0"
