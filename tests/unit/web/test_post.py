from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from mailroom.ports import PostFailed
from mailroom.web.post import UrlPoster
from tests.support.servers import Answer, certificate, says, serving

PUBLIC = "93.184.216.34"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SECRET_ADDRESS = "169.254.169.254"


def poster(port: int = 0) -> UrlPoster:
    """May go anywhere; whatever address is dialled, the test's server answers."""
    return UrlPoster(allow_private=True, resolve=lambda host, _: [PUBLIC], dial=dialling(port))


def dialling(port: int, seen: list[str] | None = None):  # type: ignore[no-untyped-def]
    def dial(address: str, _: int, timeout: float) -> socket.socket:
        if seen is not None:
            seen.append(address)
        return socket.create_connection(("127.0.0.1", port), timeout=timeout)

    return dial


def test_body_and_headers_arrive_as_given() -> None:
    requests: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        connection.sendall(OK)

    with serving(answer) as port:
        posted = poster(port).post("http://hook.example/a?b=c", "{ü}".encode(), {"X-One": "1"}, timeout_s=5)

    head, _, body = requests[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert posted == (200, b"ok")
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert {"Host: hook.example", "X-One: 1", "Content-Length: 4", "Connection: close"} <= set(lines)
    assert body == "{ü}".encode()


@pytest.mark.parametrize("status", [204, 301, 302, 307, 400, 410, 500])
def test_any_status_is_an_answer_and_a_redirect_is_not_followed(status: int) -> None:
    requests: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        requests.append(request)
        location = b"Location: http://169.254.169.254/latest\r\n" if 300 < status < 400 else b""
        connection.sendall(b"HTTP/1.1 %d X\r\n%sContent-Length: 0\r\n\r\n" % (status, location))

    with serving(answer) as port:
        assert poster(port).post("http://hook.example/", b"{}", {}, timeout_s=5).status == status

    assert len(requests) == 1


def test_of_a_large_answer_only_the_beginning_is_read() -> None:
    sent = []

    def answer(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
        for _ in range(160):
            sent.append(connection.send(b"x" * 65536))

    with serving(answer) as port:
        posted = poster(port).post("http://hook.example/", b"{}", {}, timeout_s=5)

    assert posted == (200, b"x" * 1024)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_the_time_holds_against_dripping(start: bytes) -> None:
    done = threading.Event()

    def drip(connection: socket.socket, request: bytes) -> None:
        connection.sendall(start or b"H")
        while not done.wait(0.05):
            connection.sendall(b"x")

    with serving(drip) as port, pytest.raises(PostFailed, match="too long"):
        poster(port).post("http://hook.example/", b"{}", {}, timeout_s=0.4)
    done.set()


def test_the_time_holds_against_silence() -> None:
    done = threading.Event()

    with serving(lambda connection, request: done.wait(10) and None) as port, pytest.raises(PostFailed, match="too long"):
        poster(port).post("http://hook.example/", b"{}", {}, timeout_s=0.3)
    done.set()


def test_the_time_holds_against_who_reads_nothing() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    with listener, pytest.raises(PostFailed, match="too long"):
        poster(listener.getsockname()[1]).post("http://hook.example/", b"x" * 8_000_000, {}, timeout_s=0.3)


def early(connection: socket.socket, request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("answer", [says(b""), says(b"SSH-2.0-OpenSSH\r\n"), says(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000)])
def test_what_does_not_speak_http_fails(answer: Answer) -> None:
    with serving(answer) as port, pytest.raises(PostFailed) as failed:
        poster(port).post("http://hook.example/", b"{}", {}, timeout_s=5)

    assert "127.0.0.1" not in str(failed.value)


def test_a_closed_port_fails_without_telling_addresses() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(PostFailed, match=r"could not be reached$"):
        poster(port).post("http://hook.example/", b"{}", {}, timeout_s=5)


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], [SECRET_ADDRESS], ["::ffff:7f00:1"], ["64:ff9b::a9fe:a9fe"], ["0.0.0.0"]],
)
def test_a_name_with_any_private_address_is_refused_before_connecting(addresses: list[str]) -> None:
    dialled: list[str] = []
    guarded = UrlPoster(resolve=lambda host, _: addresses, dial=dialling(1, dialled))

    with pytest.raises(PostFailed, match="public address"):
        guarded.post("https://evil.example/", b"{}", {}, timeout_s=5)
    assert dialled == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "2130706433", "0x7f.1", "[::ffff:7f00:1]"])
def test_the_inside_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(PostFailed):
        UrlPoster().post(f"https://{host}/", b"{}", {}, timeout_s=5)


def test_plain_http_is_refused_unless_private_targets_are_allowed() -> None:
    with serving(says(OK)) as port, pytest.raises(PostFailed, match="https"):
        UrlPoster(resolve=lambda host, _: [PUBLIC], dial=dialling(port)).post("http://hook.example/", b"{}", {}, timeout_s=5)


def test_the_connection_goes_to_the_address_that_was_checked(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "rebind.example")
    asked: list[str] = []
    dialled: list[str] = []

    def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else ["127.0.0.1"]

    with serving(says(OK), context=server) as port:
        guarded = UrlPoster(resolve=resolve, dial=dialling(port, dialled), context=trusting)
        posted = guarded.post("https://rebind.example/", b"{}", {}, timeout_s=5)

    assert (posted.status, asked, dialled) == (200, ["rebind.example"], [PUBLIC])


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "other.example", PUBLIC)
    posts: list[bytes] = []

    with serving(lambda connection, request: posts.append(request), context=server) as port:
        guarded = UrlPoster(resolve=lambda host, _: [PUBLIC], dial=dialling(port), context=trusting)
        with pytest.raises(PostFailed, match="certificate"):
            guarded.post("https://hook.example/", b"{}", {}, timeout_s=5)

    assert posts == []


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    server, _ = certificate(tmp_path, "hook.example")

    with serving(says(OK), context=server) as port, pytest.raises(PostFailed, match="certificate"):
        UrlPoster(resolve=lambda host, _: [PUBLIC], dial=dialling(port)).post("https://hook.example/", b"{}", {}, timeout_s=5)


def test_a_name_that_does_not_resolve_fails() -> None:
    def resolve(host: str, _: int) -> list[str]:
        raise socket.gaierror("no such name")

    with pytest.raises(PostFailed, match="does not resolve"):
        UrlPoster(resolve=resolve).post("https://gone.example/", b"{}", {}, timeout_s=5)


def test_a_header_that_would_be_two_is_not_sent() -> None:
    with serving(says(OK)) as port, pytest.raises(PostFailed, match="header"):
        poster(port).post("http://hook.example/", b"{}", {"X-Evil": "a\r\nX-Other: b"}, timeout_s=5)
