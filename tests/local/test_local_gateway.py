from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from local import Stack
from tests.local.inside import TEMPLATE


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.http + "/v0") as opened:
        yield opened


def raw_exchange(stack: Stack, request: bytes) -> bytes:
    """Everything that comes back until the server closes or the first answer is complete."""
    with socket.create_connection(stack.http.removeprefix("http://").split(":"), timeout=10) as sock:  # type: ignore[arg-type]
        sock.sendall(request)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
            if b"}" in answer:
                break
    return answer


def test_a_request_becomes_an_api_gateway_event(client: httpx.Client) -> None:
    event = client.post("/things?a=1&a=2&b=x+y%26", content='{"k":"ü"}', headers={"X-Name": "v"}).json()

    assert event["resource"] == "/things"
    assert event["path"] == "/things"
    assert event["httpMethod"] == "POST"
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["x y&"]}
    assert event["queryStringParameters"] == {"a": "2", "b": "x y&"}
    assert event["headers"]["x-name"] == "v"
    assert event["body"] == '{"k":"ü"}'
    assert event["isBase64Encoded"] is False
    assert event["requestContext"]["stage"] == "v0"
    assert event["requestContext"]["path"] == "/v0/things"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["requestId"]


def test_the_path_is_not_decoded(client: httpx.Client) -> None:
    event = client.get("/things/%3Ca%2Fb+c%40d%3E/raw").json()

    assert event["path"] == "/things/%3Ca%2Fb+c%40d%3E/raw"
    assert event["pathParameters"] == {"thing_id": "%3Ca%2Fb+c%40d%3E"}


def test_bytes_that_are_not_text_arrive_as_base64(client: httpx.Client) -> None:
    event = client.post("/things", content=b"\xff\x00").json()

    assert event["isBase64Encoded"] is True
    assert event["body"] == "/wA="


def test_a_missing_body_and_query_are_null(client: httpx.Client) -> None:
    event = client.get("/things").json()

    assert event["body"] is None
    assert event["queryStringParameters"] is None


@pytest.mark.parametrize("path", ["/nothing", "/", "/things/", "/../things"])
def test_an_unknown_path_is_404_in_the_envelope(stack: Stack, path: str) -> None:
    answer = raw_exchange(stack, f"GET /v0{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith(b"HTTP/1.1 404")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "not_found"


def test_a_path_outside_of_the_stage_is_404(stack: Stack) -> None:
    assert httpx.get(stack.http + "/things").json()["code"] == "not_found"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "OPTIONS", "TRACE"])
def test_a_wrong_method_is_405(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/things")

    assert answer.status_code == 405
    assert answer.headers["x-request-id"]
    assert method == "HEAD" or answer.json()["name"] == "MethodNotAllowedError"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_crash_is_500_without_detail(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/crash")

    assert answer.status_code == 500
    assert answer.json() == {"name": "InternalServerError", "code": "internal_error", "message": "Internal server error"}


def test_no_content_has_no_body(client: httpx.Client) -> None:
    answer = client.get("/answers/empty")

    assert answer.status_code == 204
    assert answer.content == b""
    assert "transfer-encoding" not in answer.headers


def test_binary_answers_and_repeated_headers_come_through(client: httpx.Client) -> None:
    answer = client.get("/answers/binary")

    assert answer.content == b"\x00\xff"
    assert answer.headers.get_list("x-two") == ["a", "b"]


def test_a_body_over_the_limit_is_413_and_the_connection_lives_on(client: httpx.Client) -> None:
    refused = client.post("/things", content=b"x" * (6 * 1024 * 1024 + 1))
    after = client.get("/things")

    assert refused.status_code == 413
    assert refused.json()["code"] == "payload_too_large"
    assert after.status_code == 200


def test_a_body_at_the_limit_is_taken(client: httpx.Client) -> None:
    assert client.post("/things", content=b"x" * (6 * 1024 * 1024)).status_code == 200


def test_a_chunked_body_over_the_limit_is_413(client: httpx.Client) -> None:
    refused = client.post("/things", content=(b"x" * 65536 for _ in range(100)))
    after = client.get("/things")

    assert refused.status_code == 413
    assert after.status_code == 200


def test_a_declared_length_is_refused_before_the_body_is_sent(stack: Stack) -> None:
    answer = raw_exchange(stack, b"POST /v0/things HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /v0/things/\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v0/things HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /v0/things HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET /v0/things HTTP/1.1\r\nX: " + b"a" * 400_000,
        b"GET /v0/things?" + b"a" * 400_000,
    ],
)
def test_what_is_not_http_is_400_in_the_envelope(stack: Stack, request_bytes: bytes) -> None:
    answer = raw_exchange(stack, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "validation_error"


def test_half_open_requests_do_not_block_others(stack: Stack, client: httpx.Client) -> None:
    address = stack.http.removeprefix("http://").split(":")
    idle = [socket.create_connection((address[0], int(address[1]))) for _ in range(50)]
    for sock in idle:
        sock.sendall(b"POST /v0/things HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")

    answer = client.get("/things")

    assert answer.status_code == 200
    for sock in idle:
        sock.close()


def test_a_socket_upgrade_is_refused_in_the_envelope(stack: Stack) -> None:
    answer = raw_exchange(
        stack,
        b"GET /v0 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    )

    assert answer.startswith(b"HTTP/1.1 404")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "not_found"


def test_requests_are_answered_side_by_side(stack: Stack) -> None:
    def get(number: int) -> int:
        return httpx.get(f"{stack.http}/v0/things/{number}").status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(get, range(64))) == {200}


def test_stacks_side_by_side_have_data_of_their_own(stack: Stack) -> None:
    with Stack(template=TEMPLATE) as other:
        assert other.http != stack.http
        assert other.api_key != stack.api_key
        assert httpx.get(other.http + "/v0/things").status_code == 200
