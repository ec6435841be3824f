"""API keys and credentials: who may give what to whom (spec: organizations-auth-apikeys.md)."""

from __future__ import annotations

import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.keys import get_api_key, get_identity, list_api_keys
from mailroom.clock import to_wire
from mailroom.keys.permissions import PERMISSIONS
from mailroom.store import keys
from tests.support import contract
from tests.support.identity import (
    key,
    new_pod,
    organization_id,
    other_organization,
    trips,
    using_key,
    using_pod_key,
    without_request_id,
)
from tests.support.stacks import Mailbox, Strict

MANAGE = {"api_key_read": True, "api_key_create": True, "api_key_update": True, "api_key_delete": True}
JWK = {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43}
"""Of the right form, and no point of the curve."""


def soon(hours: int = 1) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def ids(http: Strict, path: str = "/api-keys", **params: Any) -> list[str]:
    return [each["api_key_id"] for each in http.get(path, params={"limit": 100, **params}).json()["api_keys"]]


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# --- credentials --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "missing_authorization"),
        ("", "missing_authorization"),
        ("Bearer", "missing_authorization"),
        ("bearer am_x", "missing_authorization"),
        ("Basic am_x", "missing_authorization"),
        ("Bearer  am_x", "missing_authorization"),
        ("Bearer am_x y", "missing_authorization"),
        ("Bearer am_unknown", "unknown_api_key"),
        ("Bearer " + "x" * 5000, "unknown_api_key"),
        ("Bearer a.b.c", "unauthorized"),
    ],
)
def test_a_bad_credential_is_told_what_is_wrong(stack: Mailbox, header: str | None, expected: str) -> None:
    anonymous = stack.strict(None)

    answer = anonymous.get("/auth/me", headers={} if header is None else {"Authorization": header})

    assert code(answer) == (401, expected)


def test_a_session_token_is_no_key(stack: Mailbox) -> None:
    answer = stack.strict("a.b.c").post("/api-keys", {})

    assert code(answer) == (401, "invalid_token_type")


def test_an_expired_key_says_so(stack: Mailbox) -> None:
    made = key(stack, expires_at=soon())
    o = organization_id(stack.http)
    hashed = hashlib.sha256(made["api_key"].encode()).hexdigest()
    stack.runtime.items.put(
        keys.api_key_secret(hashed),
        {"organization_id": o, "api_key_id": made["api_key_id"], "scope_type": "organization", "scope_id": o, "expires_at": 1},
    )

    assert code(stack.strict(made["api_key"]).get("/auth/me")) == (401, "api_key_expired")


def test_each_scope_knows_who_it_is(stack: Mailbox, inbox: str) -> None:
    pod_id = new_pod(stack)

    organization = stack.http.get("/auth/me").json()
    pod = using_pod_key(stack, pod_id).get("/auth/me").json()
    of_inbox = using_key(stack, inbox_id=inbox).get("/auth/me").json()

    o = organization["organization_id"]
    assert (organization["scope_type"], organization["scope_id"]) == ("organization", o)
    assert (pod["scope_type"], pod["scope_id"], pod["pod_id"], pod["organization_id"]) == ("pod", pod_id, pod_id, o)
    assert (of_inbox["scope_type"], of_inbox["scope_id"], of_inbox["inbox_id"]) == ("inbox", inbox, inbox)
    assert of_inbox["pod_id"] == stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]


def test_the_secret_is_nowhere_in_the_store(sqlite_stack: Mailbox) -> None:
    secret = key(sqlite_stack)["api_key"]
    folder = sqlite_stack.runtime.items._database.path.parent  # type: ignore[attr-defined]

    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]

    assert files
    assert not [content for content in files if secret.encode() in content or secret[12:].encode() in content]


# --- create -------------------------------------------------------------------------------------------------------------


def test_a_created_key_works_and_is_shown_without_its_secret(stack: Mailbox) -> None:
    made = key(stack, name="CI", expires_at="2099-01-01T00:00:00+02:00")

    shown = stack.http.get(f"/api-keys/{made['api_key_id']}").json()

    assert made["api_key"].startswith(made["prefix"])
    assert len(made["prefix"]) == 11
    assert len(made["api_key"]) == 51
    assert made["expires_at"] == "2098-12-31T22:00:00.000Z"
    assert shown["type"] == "bearer"
    assert "api_key" not in shown
    assert {name: made[name] for name in shown.keys() & made.keys()} == {name: shown[name] for name in shown.keys() & made.keys()}
    assert stack.strict(made["api_key"]).get("/auth/me").json()["api_key_id"] == made["api_key_id"]
    assert "used_at" in stack.http.get(f"/api-keys/{made['api_key_id']}").json()


def test_the_sdk_creates_lists_and_deletes(stack: Mailbox) -> None:
    made = stack.client.api_keys.create(request={"name": "sdk"})

    listed = stack.client.api_keys.list(limit=100).api_keys
    stack.client.api_keys.delete(made.api_key_id)

    assert made.api_key_id in [each.api_key_id for each in listed]
    assert stack.http.get(f"/api-keys/{made.api_key_id}").status_code == 404


def test_an_unnamed_key_is_named_after_its_prefix(stack: Mailbox) -> None:
    made = key(stack)

    assert made["name"] == f"API key {made['prefix']}"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "x" * 257}, ["name"]),
        ({"name": 5}, ["name"]),
        ({"permissions": []}, ["permissions"]),
        ({"permissions": {"inbox_raed": True}}, ["permissions", "inbox_raed"]),
        ({"permissions": {"inbox_read": "true"}}, ["permissions", "inbox_read"]),
        ({"permissions": {"inbox_read": 1}}, ["permissions", "inbox_read"]),
        ({"expires_at": "tomorrow"}, ["expires_at"]),
        ({"expires_at": 4_000_000_000}, ["expires_at"]),
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["expires_at"]),
        ({"public_key": JWK}, ["public_key"]),
        ({"public_key": "x"}, ["public_key"]),
        ({"client_id": "a@b"}, ["client_id"]),
    ],
)
def test_a_bad_field_is_named(stack: Mailbox, body: Any, path: list[str]) -> None:
    answer = stack.http.post("/api-keys", body)

    assert code(answer) == (400, "validation_error")
    assert [part["path"] for part in answer.json()["errors"]] == [path]


def test_permissions_are_those_of_the_contract() -> None:
    fields = contract.contract()["models"]["ApiKeyPermissions"]["fields"]

    assert set(PERMISSIONS) == {field["name"] for field in fields}


def test_an_allow_list_grants_only_what_is_true(stack: Mailbox) -> None:
    granted = {"inbox_read": True, "inbox_create": False}
    made = key(stack, granted)
    restricted = stack.strict(made["api_key"])

    assert made["permissions"] == granted
    assert restricted.get("/inboxes").status_code == 200
    assert code(restricted.post("/inboxes", {})) == (403, "missing_permission")
    assert code(restricted.get("/api-keys")) == (403, "missing_permission")


def test_an_empty_allow_list_grants_nothing(stack: Mailbox) -> None:
    restricted = using_key(stack, {})

    assert restricted.get("/auth/me").status_code == 200
    assert code(restricted.get("/inboxes")) == (403, "missing_permission")


def test_a_restricted_key_cannot_give_what_it_lacks(stack: Mailbox) -> None:
    restricted = using_key(stack, {**MANAGE, "inbox_read": True})

    assert restricted.post("/api-keys", {"permissions": {"inbox_read": True, "message_send": False}}).status_code == 200
    assert code(restricted.post("/api-keys", {"permissions": {"message_send": True}})) == (403, "permission_escalation")
    assert code(restricted.post("/api-keys", {"permissions": None})) == (403, "unrestricted_key_required")


def test_a_key_made_by_a_restricted_one_inherits_its_restrictions(stack: Mailbox) -> None:
    restricted = using_key(stack, {**MANAGE, "inbox_read": True, "inbox_create": False})

    made = restricted.post("/api-keys", {"name": "child"}).json()

    assert made["permissions"] == {**MANAGE, "inbox_read": True}


def test_what_the_scope_forbids_is_not_inherited(stack: Mailbox, inbox: str) -> None:
    narrow = using_key(stack, {**MANAGE, "inbox_create": True, "pod_read": True, "inbox_read": True}, inbox_id=inbox)

    made = narrow.post("/api-keys").json()

    assert made["permissions"] == {**MANAGE, "inbox_read": True}
    assert code(narrow.post("/api-keys", {"permissions": {"pod_read": True}})) == (403, "permission_escalation")


@pytest.mark.parametrize("body", [{}, {"permissions": None}])
def test_an_unrestricted_key_makes_unrestricted_ones(stack: Mailbox, body: Any) -> None:
    made = stack.http.post("/api-keys", body).json()

    assert "permissions" not in made


def test_a_key_does_not_outlive_its_maker(stack: Mailbox) -> None:
    expires_at = soon(2)
    mortal = using_key(stack, expires_at=expires_at)

    inherited = mortal.post("/api-keys", {}).json()
    shorter = mortal.post("/api-keys", {"expires_at": soon(1)})
    longer = mortal.post("/api-keys", {"expires_at": soon(3)})

    assert inherited["expires_at"][:19] == expires_at[:19]
    assert shorter.status_code == 200
    assert code(longer) == (403, "permission_escalation")


def test_escalation_is_told_before_a_past_expiry(stack: Mailbox) -> None:
    restricted = using_key(stack, MANAGE)

    answer = restricted.post("/api-keys", {"permissions": {"message_send": True}, "expires_at": "2020-01-01T00:00:00Z"})

    assert code(answer) == (403, "permission_escalation")


# --- scopes -------------------------------------------------------------------------------------------------------------


def test_the_route_chooses_the_scope(stack: Mailbox, inbox: str) -> None:
    made = stack.http.post(f"/inboxes/{inbox}/api-keys", {"name": "bound"}).json()

    assert made["inbox_id"] == inbox
    assert made["pod_id"] == stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    assert ids(stack.http, f"/inboxes/{inbox}/api-keys") == [made["api_key_id"]]
    assert made["api_key_id"] in ids(stack.http)


def test_an_unprefixed_creation_stays_in_the_makers_scope(stack: Mailbox, inbox: str) -> None:
    pod_id = new_pod(stack)
    of_pod, of_inbox = using_pod_key(stack, pod_id), using_key(stack, inbox_id=inbox)

    from_pod, from_inbox = of_pod.post("/api-keys", {}).json(), of_inbox.post("/api-keys", {}).json()

    assert (from_pod["pod_id"], from_pod.get("inbox_id")) == (pod_id, None)
    assert from_inbox["inbox_id"] == inbox


def test_narrow_keys_see_the_keys_within_their_scope(stack: Mailbox, inbox: str) -> None:
    pod_id = new_pod(stack)
    of_pod = using_pod_key(stack, pod_id)
    inner = of_pod.post("/inboxes", {}).json()["inbox_id"]
    in_pod = of_pod.post(f"/inboxes/{inner}/api-keys", {}).json()["api_key_id"]
    of_inbox = key(stack, inbox_id=inbox)
    itself = of_pod.get("/auth/me").json()["api_key_id"]

    assert set(ids(of_pod)) == {itself, in_pod}
    assert ids(stack.strict(of_inbox["api_key"])) == [of_inbox["api_key_id"]]
    for wide in (stack.http.get("/auth/me").json()["api_key_id"], of_inbox["api_key_id"]):
        assert of_pod.get(f"/api-keys/{wide}").status_code == 404
        assert of_pod.patch(f"/api-keys/{wide}", {"name": "x"}).status_code == 404
        assert of_pod.delete(f"/api-keys/{wide}").status_code == 404
    assert of_pod.post(f"/inboxes/{inbox}/api-keys", {}).status_code == 404


def test_an_inbox_route_reaches_only_the_keys_bound_to_it(stack: Mailbox, inbox: str) -> None:
    wide, bound = key(stack)["api_key_id"], key(stack, inbox_id=inbox)["api_key_id"]

    assert stack.http.patch(f"/inboxes/{inbox}/api-keys/{wide}", {"name": "x"}).status_code == 404
    assert stack.http.delete(f"/inboxes/{inbox}/api-keys/{wide}").status_code == 404
    assert stack.http.patch(f"/inboxes/{inbox.upper()}/api-keys/{bound}", {"name": "x"}).json()["name"] == "x"
    assert stack.http.delete(f"/inboxes/{inbox}/api-keys/{bound}").status_code == 204
    assert ids(stack.http, f"/inboxes/{inbox}/api-keys") == []


def test_keys_of_an_unknown_inbox_do_not_exist(stack: Mailbox) -> None:
    path = f"/inboxes/nobody-{uuid.uuid4().hex}@mailroom.local/api-keys"

    assert stack.http.get(path).status_code == 404
    assert stack.http.post(path, {}).status_code == 404


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_foreign_key_looks_like_none(stack: Mailbox, method: str) -> None:
    mine = stack.http.get("/auth/me").json()["api_key_id"]
    stranger = other_organization(stack)
    body = {"json": {"name": "x"}} if method == "PATCH" else {}

    foreign = stranger.request(method, f"/api-keys/{mine}", **body)
    missing = stranger.request(method, f"/api-keys/{uuid.uuid4()}", **body)

    assert foreign.status_code == 404
    assert without_request_id(foreign) == without_request_id(missing)


@pytest.mark.parametrize("odd", ["public-keys", "%00", "%23", "ORG", "x" * 2000, "%F0%9F%92%8C"])
def test_odd_ids_are_not_found(stack: Mailbox, odd: str) -> None:
    assert stack.http.get(f"/api-keys/{odd}").status_code == 404


# --- list ---------------------------------------------------------------------------------------------------------------


def test_the_list_goes_through_all_pages_newest_first(stack: Mailbox) -> None:
    mine = other_organization(stack)
    made = [mine.post("/api-keys", {}).json()["api_key_id"] for _ in range(5)]

    seen: list[str] = []
    token = None
    while True:
        page = mine.get("/api-keys", params={"limit": 2, **({"page_token": token} if token else {})}).json()
        seen += [each["api_key_id"] for each in page["api_keys"]]
        assert page["count"] == len(page["api_keys"])
        token = page.get("next_page_token")
        if token is None:
            break

    assert set(made) < set(seen)
    assert len(seen) == len(set(seen)) == 6
    assert seen == sorted(seen, reverse=True)
    assert ids(mine, ascending="true") == seen[::-1]


def test_the_list_of_an_inbox_goes_through_all_pages(stack: Mailbox, inbox: str) -> None:
    made = [key(stack, inbox_id=inbox)["api_key_id"] for _ in range(3)]

    first = stack.http.get(f"/inboxes/{inbox}/api-keys", params={"limit": 2}).json()
    second = stack.http.get(f"/inboxes/{inbox}/api-keys", params={"limit": 2, "page_token": first["next_page_token"]}).json()

    assert sorted(each["api_key_id"] for each in first["api_keys"] + second["api_keys"]) == sorted(made)
    assert "next_page_token" not in second


def test_the_list_can_be_limited_to_a_type(stack: Mailbox) -> None:
    assert ids(stack.http, type="bearer") == ids(stack.http)
    assert ids(stack.http, type="public_key") == []
    assert code(stack.http.get("/api-keys", params={"type": "Bearer"})) == (400, "validation_error")


def test_a_page_token_belongs_to_its_caller_and_filter(stack: Mailbox) -> None:
    key(stack)
    token = stack.http.get("/api-keys", params={"limit": 1}).json()["next_page_token"]

    assert other_organization(stack).get("/api-keys", params={"page_token": token}).status_code == 400
    assert using_pod_key(stack, new_pod(stack)).get("/api-keys", params={"page_token": token}).status_code == 400
    assert stack.http.get("/api-keys", params={"page_token": token, "type": "bearer"}).status_code == 400


# --- update and delete --------------------------------------------------------------------------------------------------


def test_changed_permissions_hold_at_once(stack: Mailbox) -> None:
    made = key(stack, {"inbox_read": True})
    changing = stack.strict(made["api_key"])
    assert changing.get("/inboxes").status_code == 200

    narrowed = stack.http.patch(f"/api-keys/{made['api_key_id']}", {"permissions": {"inbox_read": False}}).json()
    assert narrowed["permissions"] == {"inbox_read": False}
    assert code(changing.get("/inboxes")) == (403, "missing_permission")

    cleared = stack.http.patch(f"/api-keys/{made['api_key_id']}", {"permissions": None}).json()
    assert "permissions" not in cleared
    assert changing.get("/inboxes").status_code == 200
    assert cleared["updated_at"] > narrowed["updated_at"] > made["created_at"]


BAD_UPDATES = [({}, []), ({"name": None}, ["name"]), ({"name": ""}, ["name"]), ({"expires_at": "2099-01-01T00:00:00Z"}, [])]


@pytest.mark.parametrize(("body", "path"), BAD_UPDATES)
def test_a_bad_update_is_refused(stack: Mailbox, body: Any, path: list[str]) -> None:
    answer = stack.http.patch(f"/api-keys/{key(stack)['api_key_id']}", body)

    assert code(answer) == (400, "validation_error")
    assert [part["path"] for part in answer.json()["errors"]] == [path]


def test_a_restricted_key_cannot_lift_restrictions(stack: Mailbox) -> None:
    restricted = using_key(stack, {**MANAGE, "inbox_read": True})
    unrestricted, target = key(stack)["api_key_id"], key(stack, {"inbox_read": True})["api_key_id"]
    itself = restricted.get("/auth/me").json()["api_key_id"]

    assert code(restricted.patch(f"/api-keys/{unrestricted}", {"name": "x"})) == (403, "unrestricted_key_required")
    assert code(restricted.patch(f"/api-keys/{unrestricted}", {"permissions": {}})) == (403, "unrestricted_key_required")
    assert code(restricted.patch(f"/api-keys/{target}", {"permissions": None})) == (403, "unrestricted_key_required")
    assert code(restricted.patch(f"/api-keys/{target}", {"permissions": {"pod_read": True}})) == (403, "permission_escalation")
    assert code(restricted.patch(f"/api-keys/{itself}", {"permissions": {"pod_read": True}})) == (403, "permission_escalation")
    assert restricted.patch(f"/api-keys/{target}", {"name": "renamed", "permissions": MANAGE}).json()["permissions"] == MANAGE


def test_concurrent_updates_all_hold(stack: Mailbox) -> None:
    target = key(stack)["api_key_id"]

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: stack.http.patch(f"/api-keys/{target}", {"name": f"n{n}"}), range(6)))

    assert {answer.status_code for answer in answers} <= {200, 409}
    assert stack.http.get(f"/api-keys/{target}").json()["name"] in {answer.json().get("name") for answer in answers}


def test_a_deleted_key_stops_at_once_and_stays_gone(stack: Mailbox) -> None:
    made = key(stack)
    doomed = stack.strict(made["api_key"])
    assert doomed.get("/auth/me").status_code == 200

    assert stack.http.delete(f"/api-keys/{made['api_key_id']}").status_code == 204

    assert code(doomed.get("/auth/me")) == (401, "unknown_api_key")
    assert stack.http.delete(f"/api-keys/{made['api_key_id']}").status_code == 404
    assert made["api_key_id"] not in ids(stack.http)


def test_a_key_can_delete_itself(stack: Mailbox) -> None:
    made = key(stack)
    doomed = stack.strict(made["api_key"])

    assert doomed.delete(f"/api-keys/{made['api_key_id']}").status_code == 204

    assert code(doomed.get("/auth/me")) == (401, "unknown_api_key")
    assert stack.http.get(f"/api-keys/{made['api_key_id']}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/api-keys", "api_key_read"),
        ("POST", "/api-keys", "api_key_create"),
        ("GET", "/api-keys/{}", "api_key_read"),
        ("PATCH", "/api-keys/{}", "api_key_update"),
        ("DELETE", "/api-keys/{}", "api_key_delete"),
    ],
)
def test_a_key_without_the_permission_learns_nothing(stack: Mailbox, method: str, path: str, permission: str) -> None:
    restricted = using_key(stack, {**MANAGE, permission: False})
    target = key(stack)["api_key_id"]
    body = {"content": b"not json"} if method in ("POST", "PATCH") else {}

    there = restricted.request(method, path.format(target), **body)
    missing = restricted.request(method, path.format(uuid.uuid4()), **body)

    assert code(there) == (403, "missing_permission")
    assert permission in there.json()["fix"]
    assert without_request_id(there) == without_request_id(missing)


def test_reading_keys_costs_one_trip(stack: Mailbox) -> None:
    target = key(stack)["api_key_id"]

    assert trips(stack, get_identity, "/auth/me") == 1
    assert trips(stack, list_api_keys, "/api-keys") == 1
    assert trips(stack, get_api_key, "/api-keys/{api_key_id}", api_key_id=target) == 1


def test_use_is_noted_at_most_once_a_minute(stack: Mailbox) -> None:
    made = key(stack)
    http = stack.strict(made["api_key"])

    noted = [http.get(f"/api-keys/{made['api_key_id']}").json().get("used_at") for _ in range(3)]

    assert noted[0] is None
    assert noted[1] == noted[2] is not None
    assert noted[1] <= to_wire(stack.runtime.clock())
