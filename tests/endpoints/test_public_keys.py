"""Public keys: registered, listed, managed; no credential (spec: organizations-auth-apikeys.md, "Public keys")."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from mailroom.errors import UnknownApiKey
from mailroom.keys.standing import key_caller
from mailroom.store import keys
from tests.sample_events import JWK
from tests.support.identity import new_pod, organization_id, other_organization, using_key, using_pod_key
from tests.support.stacks import Mailbox, Strict

MANAGE = {"api_key_read": True, "api_key_create": True, "api_key_update": True, "api_key_delete": True}
BASE = {"public_key": JWK}
LEGACY = "/api-keys/public-keys"


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def name() -> str:
    return uuid.uuid4().hex


def registered(http: Strict, path: str = "/api-keys", **body: Any) -> dict[str, Any]:
    answer = http.post(path, {**BASE, **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids(http: Strict, path: str = "/api-keys", **params: Any) -> set[str]:
    return {each["api_key_id"] for each in http.get(path, params={"limit": 100, **params}).json()["api_keys"]}


def test_a_registered_key_says_what_it_is(stack: Mailbox) -> None:
    mine = other_organization(stack)

    made = registered(mine, expires_at="2099-01-01T00:00:00Z")

    assert made["public_key"]["jwk"] == JWK
    assert made["name"] == f"AgentID key {made['public_key']['fingerprint'][:8]}"
    assert made["created_by"] == {"api_key_id": mine.get("/auth/me").json()["api_key_id"]}
    assert (made["type"], made["status"], made["expires_at"]) == ("public_key", "active", "2099-01-01T00:00:00.000Z")
    assert made["permissions"]["message_reply"] is True
    assert not {"api_key", "prefix", "client_id", "pod_id", "used_at", "agent_armor_release"} & {*made, *made["permissions"]}
    assert mine.get(f"/api-keys/{made['api_key_id']}").json() == made


@pytest.mark.parametrize("scope", ["pod", "inbox"])
def test_the_route_chooses_the_scope(stack: Mailbox, inbox: str, scope: str) -> None:
    pod_id = new_pod(stack)
    base = {"pod": f"/pods/{pod_id}", "inbox": f"/inboxes/{inbox}"}[scope]

    made = registered(stack.http, f"{base}/api-keys", client_id=name())

    assert (made.get("inbox_id"), made["pod_id"] == pod_id) == ((None, True) if scope == "pod" else (inbox, False))
    assert ids(stack.http, f"{base}/api-keys") == {made["api_key_id"]}
    changed = stack.http.patch(f"{base}/api-keys/{made['client_id']}", {"name": "x"})
    assert changed.json()["name"] == "x"
    assert stack.http.delete(f"{base}/api-keys/{made['client_id']}").status_code == 204
    assert ids(stack.http, f"{base}/api-keys") == set()


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"kty": "oct"}, ["public_key", "kty"]),
        ({"crv": "P-384"}, ["public_key", "crv"]),
        ({"d": JWK["x"]}, ["public_key", "d"]),
        ({"kid": "1"}, ["public_key", "kid"]),
        ({"x": None}, ["public_key", "x"]),
        ({"x": JWK["x"] + "="}, ["public_key", "x"]),
        ({"x": JWK["x"][:-1]}, ["public_key", "x"]),
        ({"x": JWK["x"][:-1] + "Z"}, ["public_key", "x"]),
        ({"y": JWK["y"].replace("-", "+")}, ["public_key", "y"]),
        ({"x": JWK["y"], "y": JWK["x"]}, ["public_key"]),
        ({"x": "A" * 43, "y": "A" * 43}, ["public_key"]),
        ({"x": "_" * 42 + "8"}, ["public_key"]),
    ],
)
def test_what_is_no_public_key_of_this_curve_is_refused(stack: Mailbox, change: dict[str, Any], path: list[str]) -> None:
    answer = stack.http.post("/api-keys", {"public_key": {**JWK, **change}})

    assert told(answer) == (400, "validation_error")
    assert [part["path"] for part in answer.json()["errors"]] == [path]


def test_a_client_id_stands_for_the_key_and_is_free_again_with_its_end(stack: Mailbox) -> None:
    mine, client_id = other_organization(stack), name()
    made = registered(mine, client_id=client_id)

    assert told(mine.post("/api-keys", {**BASE, "client_id": client_id})) == (409, "conflict")
    assert mine.get(f"/api-keys/{client_id}").json() == made
    assert mine.patch(f"/api-keys/{client_id}", {"name": "other"}).json()["name"] == "other"
    assert other_organization(stack).get(f"/api-keys/{client_id}").status_code == 404
    assert mine.delete(f"/api-keys/{client_id}").status_code == 204
    assert mine.get(f"/api-keys/{client_id}").status_code == 404
    assert mine.delete(f"/api-keys/{made['api_key_id']}").status_code == 404
    assert registered(mine, client_id=client_id)["api_key_id"] != made["api_key_id"]


def test_another_scopes_key_is_not_found_by_its_client_id(stack: Mailbox, inbox: str) -> None:
    client_id = name()
    registered(stack.http, client_id=client_id)
    of_inbox, of_pod = using_key(stack, inbox_id=inbox), using_pod_key(stack, new_pod(stack))

    assert [http.get(f"/api-keys/{client_id}").status_code for http in (of_inbox, of_pod)] == [404, 404]
    assert told(of_inbox.post("/api-keys", {**BASE, "client_id": client_id})) == (409, "conflict")


def test_the_list_tells_the_kinds_apart(stack: Mailbox) -> None:
    mine = other_organization(stack)
    itself = mine.get("/auth/me").json()["api_key_id"]
    public = {registered(mine)["api_key_id"] for _ in range(2)}

    assert ids(mine) == {itself, *public}
    assert ids(mine, type="public_key") == public
    assert ids(mine, type="bearer") == {itself}
    token, seen = None, []
    while token or not seen:
        page = mine.get("/api-keys", params={"type": "bearer", "limit": 1, **({"page_token": token} if token else {})}).json()
        seen.append([each["api_key_id"] for each in page["api_keys"]])
        token = page.get("next_page_token")
    assert seen == [[], [], [itself]]


def test_no_more_is_granted_than_its_maker_has(stack: Mailbox) -> None:
    restricted = using_key(stack, {**MANAGE, "message_read": True}, expires_at="2098-01-01T00:00:00Z")

    assert told(restricted.post("/api-keys", {**BASE, "permissions": {"message_send": True}})) == (403, "permission_escalation")
    assert told(restricted.post("/api-keys", {**BASE, "permissions": None})) == (403, "unrestricted_key_required")
    later = {**BASE, "expires_at": "2099-01-01T00:00:00Z"}
    assert told(restricted.post("/api-keys", later)) == (403, "permission_escalation")
    assert told(stack.http.post("/api-keys", {**BASE, "expires_at": "2020-01-01T00:00:00Z"})) == (400, "validation_error")
    made = registered(restricted)
    assert made["permissions"] == {**MANAGE, "message_read": True}
    assert made["expires_at"] == "2098-01-01T00:00:00.000Z"


def test_an_update_follows_the_rules_of_other_keys(stack: Mailbox) -> None:
    restricted = using_key(stack, {**MANAGE, "message_read": True})
    path = f"/api-keys/{registered(stack.http, permissions={'message_read': True})['api_key_id']}"

    assert told(restricted.patch(path, {"permissions": {"message_send": True}})) == (403, "permission_escalation")
    assert told(restricted.patch(path, {"permissions": None})) == (403, "unrestricted_key_required")
    assert restricted.patch(path, {"permissions": {}}).json()["permissions"] == {}
    assert stack.http.patch(path, {"permissions": None}).json()["permissions"]["message_send"] is True


def test_it_authenticates_nothing(stack: Mailbox) -> None:
    made = registered(stack.http)

    for value in (made["api_key_id"], made["public_key"]["fingerprint"], JWK["x"]):
        assert told(stack.strict(value).get("/auth/me")) == (401, "unknown_api_key")
    record = stack.runtime.items.get(keys.api_key_record(organization_id(stack.http), made["api_key_id"]))
    with pytest.raises(UnknownApiKey):
        key_caller(record, 0)


def test_it_goes_with_its_inbox(stack: Mailbox, inbox: str) -> None:
    client_id = name()
    registered(stack.http, f"/inboxes/{inbox}/api-keys", client_id=client_id)

    assert stack.http.delete(f"/inboxes/{inbox}").status_code == 204

    assert stack.http.get(f"/api-keys/{client_id}").status_code == 404
    assert registered(stack.http, client_id=client_id)["client_id"] == client_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", LEGACY),
        ("POST", LEGACY),
        ("PATCH", f"{LEGACY}/x"),
        ("DELETE", f"{LEGACY}/x"),
        ("POST", f"{LEGACY}/agentid-sign-in/revoke-all"),
    ],
)
def test_the_routes_of_older_clients_are_not_there(stack: Mailbox, method: str, path: str) -> None:
    mine = other_organization(stack)
    registered(mine, client_id="public-keys")

    assert told(mine.request(method, path)) == (404, "not_found")
