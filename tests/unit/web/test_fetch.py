from __future__ import annotations

import socket
import threading

import pytest

from mailroom.ports import FetchFailed
from mailroom.web.addresses import is_public
from mailroom.web.fetch import UrlFetcher
from tests.support.servers import Answer, says, serving

PUBLIC = "93.184.216.34"


def fetcher(port: int, *, names: dict[str, list[str]] | None = None, deadline_s: float = 20) -> UrlFetcher:
    """Names resolve to a public address unless told otherwise; whatever address is dialled, the test's server answers."""

    def resolve(host: str, _: int) -> list[str]:
        return (names or {}).get(host, [PUBLIC])

    def dial(address: str, _: int, timeout: float) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=timeout)

    return UrlFetcher(resolve=resolve, dial=dial, deadline_s=deadline_s)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: Text/Plain; charset=x\r\nContent-Length: 5\r\n\r\nhello"


def test_a_file_comes_with_its_type_and_the_name_in_the_url() -> None:
    with serving(says(OK)) as port:
        file = fetcher(port).fetch("http://files.example/a/b%20c.txt?x=1", max_bytes=100)

    assert (file.data, file.content_type, file.filename) == (b"hello", "text/plain", "b c.txt")


def test_the_name_in_the_answer_goes_first_and_has_no_folders() -> None:
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Disposition: attachment; filename="../../x.pdf"\r\n\r\n'
    with serving(says(head)) as port:
        assert fetcher(port).fetch("http://files.example/", max_bytes=100).filename == "x.pdf"


def test_the_request_names_the_host_and_carries_nothing_else() -> None:
    heads: list[bytes] = []

    def answer(connection: socket.socket, head: bytes) -> None:
        heads.append(head)
        connection.sendall(OK)

    with serving(answer) as port:
        fetcher(port).fetch("http://Files.Example:8000/ü b?q=1#frag".replace(" ", "%20"), max_bytes=100)

    lines = heads[0].decode().split("\r\n")
    assert lines[0] == "GET /%C3%BC%20b?q=1 HTTP/1.1"
    assert "Host: files.example:8000" in lines
    assert not any(line.lower().startswith(("authorization", "cookie")) for line in lines)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "192.0.0.170", "192.0.2.1", "198.18.0.1", "192.88.99.1", "::1", "::", "fe80::1",
        "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::7f00:1", "2002:7f00:1::",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "3fff::1",
        "not an address", "",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_known_however_it_is_written(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_known(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:127.0.0.1"]])
def test_a_name_with_any_private_address_is_refused_before_connecting(addresses: list[str]) -> None:
    with serving(says(OK)) as port, pytest.raises(FetchFailed) as refused:
        fetcher(port, names={"evil.example": addresses}).fetch("http://evil.example/", max_bytes=100)

    assert not any(address in str(refused.value) for address in addresses)


def test_the_name_is_resolved_once_and_the_checked_address_dialled() -> None:
    asked: list[str] = []
    dialled: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    with serving(says(OK)) as port:

        def dial(address: str, _: int, timeout: float) -> socket.socket:
            dialled.append(address)
            return socket.create_connection(("127.0.0.1", port), timeout=timeout)

        UrlFetcher(resolve=resolve, dial=dial).fetch("http://rebind.example/", max_bytes=100)

    assert asked == ["rebind.example"]
    assert dialled == [PUBLIC]


@pytest.mark.parametrize("target", ["http://169.254.169.254/latest/meta-data", "http://inner.example/", "//inner.example/x"])
def test_a_redirect_to_a_private_address_is_refused(target: str) -> None:
    redirect = f"HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
    names = {"inner.example": ["10.0.0.1"], "169.254.169.254": ["169.254.169.254"]}

    with serving(says(redirect)) as port, pytest.raises(FetchFailed, match="public"):
        fetcher(port, names=names).fetch("http://files.example/", max_bytes=100)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://x/", "ftp://x/y", "http://u:p@x/"])
def test_a_redirect_to_something_else_than_plain_http_is_refused(target: str) -> None:
    redirect = f"HTTP/1.1 301 Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()

    with serving(says(redirect)) as port, pytest.raises(FetchFailed):
        fetcher(port).fetch("http://files.example/", max_bytes=100)


def redirects(times: int) -> Answer:
    left = [times]

    def answer(connection: socket.socket, head: bytes) -> None:
        left[0] -= 1
        moved = b"HTTP/1.1 307 Moved\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(OK if left[0] < 0 else moved)

    return answer


def test_five_redirects_are_followed() -> None:
    with serving(redirects(5)) as port:
        assert fetcher(port).fetch("http://files.example/", max_bytes=100).data == b"hello"


def test_the_sixth_redirect_is_refused() -> None:
    with serving(redirects(6)) as port, pytest.raises(FetchFailed, match="too often"):
        fetcher(port).fetch("http://files.example/", max_bytes=100)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://x/", "javascript:1", "//x/y", "x", "", "http://", "http://u:p@x/", "http://u@x/", "http://x:99999/",
        "http://x/\r\nX: 1", "http://x/ y", "http://[::1", "http://" + "a" * 5000, "http://x\x00y/", "http://" + "ü" * 70 + "/",
    ],
)  # fmt: skip
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with serving(says(OK)) as port, pytest.raises(FetchFailed):
        fetcher(port).fetch(url, max_bytes=100)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + b"x" * 101 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 101,
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
        b"",
    ],
    ids=range(10),
)
def test_an_answer_that_is_no_file_fails(response: bytes) -> None:
    with serving(says(response)) as port, pytest.raises(FetchFailed):
        fetcher(port).fetch("http://files.example/", max_bytes=100)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n"])
def test_the_deadline_holds_against_dripping(start: bytes) -> None:
    done = threading.Event()

    def drip(connection: socket.socket, head: bytes) -> None:
        connection.sendall(start or b"H")
        while not done.wait(0.05):
            connection.sendall(b"x")

    with serving(drip) as port, pytest.raises(FetchFailed, match="too long"):
        fetcher(port, deadline_s=0.5).fetch("http://files.example/", max_bytes=100)
    done.set()


def test_the_deadline_holds_against_a_resolver_that_hangs() -> None:
    release = threading.Event()

    def resolve(host: str, _: int) -> list[str]:
        release.wait(10)
        return [PUBLIC]

    with pytest.raises(FetchFailed, match="too long"):
        UrlFetcher(resolve=resolve, deadline_s=0.2).fetch("http://files.example/", max_bytes=100)
    release.set()


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with serving(says(OK)) as port:

        def dial(address: str, _: int, timeout: float) -> socket.socket:
            if address == PUBLIC:
                raise ConnectionRefusedError
            return socket.create_connection(("127.0.0.1", port), timeout=timeout)

        both = UrlFetcher(resolve=lambda host, _: [PUBLIC, "8.8.8.8"], dial=dial)

        assert both.fetch("http://files.example/", max_bytes=100).data == b"hello"


def test_loopback_is_reached_only_when_allowed() -> None:
    with serving(says(OK)) as port:
        url = f"http://127.0.0.1:{port}/"

        assert UrlFetcher(allow_private=True).fetch(url, max_bytes=100).data == b"hello"
        with pytest.raises(FetchFailed, match="public"):
            UrlFetcher().fetch(url, max_bytes=100)


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "0177.0.0.1", "[::ffff:7f00:1]", "[::1]"])
def test_other_ways_to_write_loopback_are_seen_through(host: str) -> None:
    with pytest.raises(FetchFailed):
        UrlFetcher().fetch(f"http://{host}/", max_bytes=100)
