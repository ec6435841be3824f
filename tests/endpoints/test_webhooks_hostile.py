"""Whatever the fields and parameters of webhook endpoints hold: taken, or named in a 400."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.endpoints.test_hostile_requests import DEEP, NESTED, SCALARS, UNKNOWN
from tests.support import contract
from tests.support.stacks import Mailbox

QUERIES = ["", "abc", "-1", "0", "１", "1e3", "[1]", '["a"', '["\\ud800"]', "[" * 3000, "\x00", "x" * 9000]


def operations(part: str) -> Iterator[Any]:
    for endpoint in contract.contract()["endpoints"]:
        if endpoint["family"] == "webhooks" and endpoint["sdk_method"]:
            for field in endpoint[part]:
                case = (endpoint["method"], endpoint["path"].removeprefix("/v0"), field["name"])
                yield pytest.param(*case, id=" ".join(case))


@pytest.fixture(scope="module")
def targets(sqlite_stack: Mailbox) -> dict[str, str]:
    http = sqlite_stack.http
    inbox = http.post("/inboxes", {}).json()
    ids = {"inbox_id": inbox["inbox_id"], "pod_id": inbox["pod_id"]}
    for prefix in ("", "/pods/{pod_id}", "/inboxes/{inbox_id}"):
        http.post(f"{prefix}/webhooks/polling".format(**ids), {"client_id": "target", "event_types": ["message.sent"]})
    made = http.post(f"/inboxes/{inbox['inbox_id']}/webhooks", {"url": "https://example.com", "client_id": "target"})
    return {**ids, "webhook_id": made.json()["client_id"]}


def required(method: str, path: str) -> dict[str, Any]:
    if method != "POST":
        return {"enabled": True, "headers": {"X-A": "b"}, "remove_headers": ["x"]}
    return {"url": "https://example.com", "event_types": ["message.sent"], "client_id": "target"}


@pytest.mark.parametrize(("method", "path", "field"), [*operations("body_fields")])
def test_whatever_a_body_field_holds_is_taken_or_named(
    sqlite_stack: Mailbox, targets: dict[str, str], method: str, path: str, field: str
) -> None:
    for value in (*SCALARS, *NESTED, DEEP):
        body = {**required(method, path), field: value}
        answer = sqlite_stack.http.request(method, path.format(**targets), json=body)

        assert answer.status_code in (200, 204, 400, 404), answer.text
        if answer.status_code == 400:
            assert any(error["path"][:1] == [field] for error in answer.json()["errors"]), (value, answer.json())


@pytest.mark.parametrize(("method", "path", "field"), [*operations("query")])
def test_whatever_a_query_parameter_holds_is_taken_or_named(
    sqlite_stack: Mailbox, targets: dict[str, str], method: str, path: str, field: str
) -> None:
    for value in QUERIES:
        answer = sqlite_stack.http.request(method, path.format(**targets), params={field: value})

        assert answer.status_code in (200, 400)
        if answer.status_code == 400:
            assert [error["path"] for error in answer.json()["errors"]] == [[field]]


@pytest.mark.parametrize("name", [UNKNOWN, "polling", "x" * 3000, "%00", "%2e%2e", "ep_%2F..%2Fx", "é", "a%20b", "%23", "WH%23x"])
def test_whatever_a_path_holds_is_just_not_there(sqlite_stack: Mailbox, name: str) -> None:
    for path in (f"/webhooks/{name}", f"/webhooks/polling/{name}", f"/webhooks/{name}/headers", f"/pods/{name}/webhooks"):
        if name == "polling" and path in ("/webhooks/polling", "/webhooks/polling/headers"):
            continue
        assert sqlite_stack.http.get(path).status_code == 404
