"""Inboxes: what callers get, and what they are refused (spec: inboxes.md)."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from functions.inboxes import get_inbox, list_inboxes
from mailroom.callers import Caller
from mailroom.inboxes.create import create_inbox
from mailroom.runtime import Runtime
from tests.support.crashes import Intruder
from tests.support.desk import Desk
from tests.support.identity import new_pod, other_organization, trips, using_key, using_pod_key, without_request_id
from tests.support.stacks import Mailbox


def unique(prefix: str = "u") -> str:
    return f"{prefix}{uuid.uuid4().hex[:12]}"


def paths(answer: Any) -> list[list[Any]]:
    return [part["path"] for part in answer.json()["errors"]]


# --- create -------------------------------------------------------------------------------------------------------------


def test_the_sdk_creates_an_inbox_without_a_body(stack: Mailbox) -> None:
    inbox = stack.client.inboxes.create()

    local, _, domain = inbox.inbox_id.partition("@")
    assert domain == stack.runtime.config.domain
    assert local[-3:].isdigit()
    assert local[:-3].isalpha()
    assert inbox.email == inbox.inbox_id


def test_an_inbox_keeps_all_it_was_created_with(stack: Mailbox) -> None:
    name, client_id = unique(), unique("c-")
    metadata = {"text": "x", "int": 7, "float": 1.5, "yes": True, "": "empty key"}
    body = {"username": name.upper(), "display_name": "Ünïcode ✉", "client_id": client_id, "metadata": metadata}

    made = stack.http.post("/inboxes", body).json()

    assert made["inbox_id"] == f"{name}@{stack.runtime.config.domain}"
    assert made["display_name"] == "Ünïcode ✉"
    assert made["client_id"] == client_id
    assert made["metadata"] == metadata
    assert stack.http.get(f"/inboxes/{made['inbox_id']}").json() == made


def test_an_inbox_can_start_paused(stack: Mailbox) -> None:
    assert stack.http.post("/inboxes", {"username": unique(), "status": "paused"}).json()["status"] == "paused"
    assert "status" not in stack.http.post("/inboxes", {"username": unique(), "status": "active"}).json()


def test_nulls_on_create_equal_absence(stack: Mailbox) -> None:
    fields = ("username", "domain", "inbox_id", "display_name", "client_id", "status", "metadata")

    assert stack.http.post("/inboxes", dict.fromkeys(fields)).status_code == 200


def test_the_whole_address_may_be_given(stack: Mailbox) -> None:
    address = f"{unique()}@{stack.runtime.config.domain}"

    assert stack.http.post("/inboxes", {"inbox_id": address.upper()}).json()["inbox_id"] == address


def test_both_forms_of_an_address_must_agree(stack: Mailbox) -> None:
    name, domain = unique(), stack.runtime.config.domain

    refused = stack.http.post("/inboxes", {"inbox_id": f"{name}@{domain}", "username": unique()})
    accepted = stack.http.post("/inboxes", {"inbox_id": f"{name}@{domain}", "username": name, "domain": domain.upper()})

    assert (refused.status_code, paths(refused)) == (400, [["inbox_id"]])
    assert accepted.status_code == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "a" * 65),
        ("username", ".a"),
        ("username", "a-"),
        ("username", "a..b"),
        ("username", "a+b"),
        ("username", "a b"),
        ("username", "ä"),
        ("username", "a\n"),
        ("username", "a@b"),
        ("username", "Postmaster"),
        ("username", "abuse"),
        ("username", "mailer-daemon"),
        ("username", "noreply-ses"),
        ("username", 5),
        ("username", ["a"]),
        ("domain", ""),
        ("domain", 5),
        ("inbox_id", "nobody"),
        ("inbox_id", "a+b@mailroom.local"),
        ("inbox_id", "@mailroom.local"),
        ("display_name", ""),
        ("display_name", "x" * 257),
        ("display_name", "a\r\nBcc: b@c.d"),
        ("display_name", "a\x00b"),
        ("display_name", "a\x85b"),
        ("display_name", "a\u2028b"),
        ("client_id", ""),
        ("client_id", "a@b"),
        ("client_id", "a b"),
        ("client_id", "x" * 257),
        ("status", "Paused"),
        ("status", ""),
        ("metadata", []),
        ("metadata", "x"),
        ("metadata", {str(n): n for n in range(257)}),
        ("metadata", {"k" * 257: 1}),
    ],
)
def test_a_bad_field_is_named(stack: Mailbox, field: str, value: Any) -> None:
    answer = stack.http.post("/inboxes", {field: value})

    assert (answer.status_code, paths(answer)) == (400, [[field]])


@pytest.mark.parametrize("value", [None, {"nested": 1}, [1], "v" * 257])
def test_a_bad_metadata_value_is_named(stack: Mailbox, value: Any) -> None:
    answer = stack.http.post("/inboxes", {"metadata": {"good": 1, "bad": value}})

    assert (answer.status_code, paths(answer)) == (400, [["metadata", "bad"]])


def test_all_bad_fields_are_reported_at_once(stack: Mailbox) -> None:
    answer = stack.http.post("/inboxes", {"username": "+", "status": 5, "metadata": {"a": None}})

    assert sorted(paths(answer)) == [["metadata", "a"], ["status"], ["username"]]


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b"5", b'"x"', b"\xff\xfe", b'{"a": NaN}', b'{"display_name": "\\ud800"}', b"[" * 100_000]
)
def test_a_body_that_is_no_json_object_is_refused(stack: Mailbox, raw: bytes) -> None:
    answer = stack.http.request("POST", "/inboxes", content=raw)

    assert answer.status_code == 400
    assert paths(answer) == [[]]


def test_an_oversized_body_is_refused(sqlite_stack: Mailbox) -> None:
    answer = sqlite_stack.http.post("/inboxes", {"display_name": "x" * (6 * 1024 * 1024)})

    assert answer.status_code == 413


def test_a_domain_that_is_not_ours_does_not_exist(stack: Mailbox) -> None:
    assert stack.http.post("/inboxes", {"username": unique(), "domain": "elsewhere.example"}).status_code == 404


def test_a_taken_address_is_refused_to_everybody(stack: Mailbox) -> None:
    name = unique()
    stack.http.post("/inboxes", {"username": name})

    here = stack.http.post("/inboxes", {"username": name})
    elsewhere = other_organization(stack).post("/inboxes", {"username": name})

    assert here.json()["code"] == elsewhere.json()["code"] == "resource_taken"
    assert here.json()["name"] == "IsTakenError"


def test_of_twenty_simultaneous_creations_one_wins(stack: Mailbox) -> None:
    name = unique()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stack.http.post("/inboxes", {"username": name}), range(20)))

    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 19


def test_counters_are_exact_after_concurrent_creations(stack: Mailbox) -> None:
    before = stack.http.get("/organizations").json()["inbox_count"]

    with ThreadPoolExecutor(12) as pool:
        made = list(pool.map(lambda _: stack.http.post("/inboxes", {"username": unique()}), range(12)))

    assert {answer.status_code for answer in made} == {200}
    assert stack.http.get("/organizations").json()["inbox_count"] == before + 12


# --- client ids ---------------------------------------------------------------------------------------------------------


def test_a_client_id_creates_one_inbox_however_often_it_is_used(stack: Mailbox) -> None:
    client_id = unique("c-")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: stack.http.post("/inboxes", {"client_id": client_id}), range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize("limit", [None, 1])
def test_the_same_call_at_the_same_moment_is_a_replay(limit: int | None) -> None:
    """Also of one that names the address, or takes the last place."""
    wanted: Any = {"username": "a", "client_id": "c"}

    def create(desk: Desk, runtime: Runtime) -> dict[str, Any]:
        config = runtime.config._replace(inbox_limit=limit)
        return create_inbox(Caller(desk.o, "organization", desk.o), wanted, items=runtime.items, clock=runtime.clock, config=config)

    for at in range(1, 10):
        with Desk() as desk:
            meanwhile: list[dict[str, Any]] = []
            intruder = Intruder(at, lambda desk=desk, made=meanwhile: made.append(create(desk, desk.runtime)))  # type: ignore[misc]
            made = create(desk, replace(desk.runtime, items=intruder.watch(desk.items)))
        if not intruder.acted:
            return
        assert [made] == meanwhile
    pytest.fail("never ran to its end")


def test_a_replay_ignores_the_new_body(stack: Mailbox) -> None:
    client_id = unique("c-")
    first = stack.http.post("/inboxes", {"client_id": client_id, "display_name": "First"}).json()

    again = stack.http.post("/inboxes", {"client_id": client_id, "display_name": "Second", "domain": "elsewhere.example"})

    assert again.json() == first


def test_client_ids_belong_to_their_organization(stack: Mailbox) -> None:
    client_id = unique("c-")
    ours = stack.http.post("/inboxes", {"client_id": client_id}).json()

    theirs = other_organization(stack).post("/inboxes", {"client_id": client_id}).json()

    assert theirs["inbox_id"] != ours["inbox_id"]


def test_a_client_id_stands_for_the_inbox_id_in_paths(stack: Mailbox) -> None:
    client_id = unique("C-")
    made = stack.http.post("/inboxes", {"client_id": client_id}).json()

    assert stack.http.get(f"/inboxes/{client_id}").json() == made
    assert stack.http.get(f"/inboxes/{client_id.lower()}").status_code == 404
    assert stack.http.patch(f"/inboxes/{client_id}", {"display_name": "X"}).json()["display_name"] == "X"
    assert stack.http.get(f"/inboxes/{client_id}/events").json()["events"] == []


def test_a_client_id_out_of_scope_leads_nowhere(stack: Mailbox) -> None:
    client_id = unique("c-")
    stack.http.post("/inboxes", {"client_id": client_id})
    narrow = using_pod_key(stack, new_pod(stack))

    assert narrow.post("/inboxes", {"client_id": client_id}).status_code == 404
    assert narrow.get(f"/inboxes/{client_id}").status_code == 404


# --- get and list -------------------------------------------------------------------------------------------------------


def test_addresses_are_compared_in_lower_case(stack: Mailbox, inbox: str) -> None:
    assert stack.http.get(f"/inboxes/{inbox.upper()}").json()["inbox_id"] == inbox


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_foreign_inbox_looks_like_none(stack: Mailbox, method: str, inbox: str) -> None:
    stranger = other_organization(stack)
    body = {"json": {"display_name": "x"}} if method == "PATCH" else {}

    foreign = stranger.request(method, f"/inboxes/{inbox}", **body)
    missing = stranger.request(method, f"/inboxes/{unique()}@{stack.runtime.config.domain}", **body)

    assert foreign.status_code == 404
    assert without_request_id(foreign) == without_request_id(missing)


@pytest.mark.parametrize(
    "odd", ["%00", "%23", "a%2523b@x", "%ff@x", "%F0%9F%92%8C@x", "x" * 3000, "x" * 3000 + "@y", "..", "@", "'%22%5C"]
)
def test_odd_ids_are_not_found(stack: Mailbox, odd: str) -> None:
    assert stack.http.get(f"/inboxes/{odd}").status_code == 404


def test_the_list_goes_through_all_pages_newest_first(stack: Mailbox) -> None:
    mine = other_organization(stack)
    made = [mine.post("/inboxes", {"username": unique()}).json()["inbox_id"] for _ in range(5)]

    seen, token, sizes = [], None, []
    while True:
        page = mine.get("/inboxes", params={"limit": 2, **({"page_token": token} if token else {})}).json()
        seen += [each["inbox_id"] for each in page["inboxes"]]
        sizes.append((page["count"], page["limit"]))
        token = page.get("next_page_token")
        if token is None:
            break

    assert set(seen) == set(made)
    assert sizes == [(2, 2), (2, 2), (1, 2)]
    listed = mine.get("/inboxes").json()["inboxes"]
    assert [each["created_at"] for each in listed] == sorted((each["created_at"] for each in listed), reverse=True)
    flipped = mine.get("/inboxes", params={"ascending": "true"}).json()["inboxes"]
    assert flipped == listed[::-1]


def test_a_page_token_belongs_to_its_organization_and_order(stack: Mailbox, inbox: str) -> None:
    stack.http.post("/inboxes", {"username": unique()})
    token = stack.http.get("/inboxes", params={"limit": 1}).json()["next_page_token"]

    assert stack.http.get("/inboxes", params={"limit": 1, "page_token": token}).status_code == 200
    for stranger, more in ((other_organization(stack), {}), (stack.http, {"ascending": "true"})):
        answer = stranger.get("/inboxes", params={"limit": 1, "page_token": token, **more})
        assert (answer.status_code, paths(answer)) == (400, [["page_token"]])


@pytest.mark.parametrize(
    ("name", "value"), [("limit", "0"), ("limit", "101"), ("limit", "x"), ("ascending", "1"), ("page_token", "x")]
)
def test_bad_list_parameters_are_named(stack: Mailbox, name: str, value: str) -> None:
    answer = stack.http.get("/inboxes", params={name: value})

    assert (answer.status_code, paths(answer)) == (400, [[name]])


def test_narrow_keys_list_what_is_theirs(stack: Mailbox, inbox: str) -> None:
    pod_id = new_pod(stack)
    of_pod = using_pod_key(stack, pod_id)
    in_pod = of_pod.post("/inboxes", {"username": unique()}).json()
    of_inbox = using_key(stack, inbox_id=inbox)

    assert in_pod["pod_id"] == pod_id
    assert [each["inbox_id"] for each in of_pod.get("/inboxes").json()["inboxes"]] == [in_pod["inbox_id"]]
    assert [each["inbox_id"] for each in of_inbox.get("/inboxes").json()["inboxes"]] == [inbox]
    assert of_pod.get(f"/inboxes/{inbox}").status_code == 404
    assert of_inbox.get(f"/inboxes/{in_pod['inbox_id']}").status_code == 404


def test_an_inbox_key_neither_creates_nor_deletes_inboxes(stack: Mailbox, inbox: str) -> None:
    narrow = using_key(stack, {"inbox_create": True, "inbox_delete": True}, inbox_id=inbox)

    assert narrow.post("/inboxes").json()["code"] == "missing_permission"
    assert narrow.delete(f"/inboxes/{inbox}").json()["code"] == "missing_permission"


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/inboxes", "inbox_read"),
        ("POST", "/inboxes", "inbox_create"),
        ("GET", "/inboxes/{}", "inbox_read"),
        ("PATCH", "/inboxes/{}", "inbox_update"),
        ("DELETE", "/inboxes/{}", "inbox_delete"),
        ("GET", "/inboxes/{}/events", "message_read"),
    ],
)
def test_a_key_without_the_permission_learns_nothing(stack: Mailbox, inbox: str, method: str, path: str, permission: str) -> None:
    everything_else = dict.fromkeys(("inbox_read", "inbox_create", "inbox_update", "inbox_delete", "message_read"), True)
    restricted = using_key(stack, {**everything_else, permission: False})
    body = {"content": b"not json"} if method in ("POST", "PATCH") else {}

    there = restricted.request(method, path.format(inbox), params={"limit": "x"}, **body)
    missing = restricted.request(method, path.format("nobody@nowhere.example"), params={"limit": "x"}, **body)

    assert (there.status_code, there.json()["code"]) == (403, "missing_permission")
    assert permission in there.json()["fix"]
    assert without_request_id(there) == without_request_id(missing)


def test_reading_an_inbox_costs_one_trip_and_a_list_two(stack: Mailbox, inbox: str) -> None:
    assert trips(stack, get_inbox, "/inboxes/{inbox_id}", inbox_id=inbox) == 1
    assert trips(stack, list_inboxes, "/inboxes") == 2


# --- update -------------------------------------------------------------------------------------------------------------


def test_an_update_changes_only_what_it_names(stack: Mailbox) -> None:
    made = stack.http.post("/inboxes", {"username": unique(), "display_name": "A", "metadata": {"a": 1}}).json()

    changed = stack.http.patch(f"/inboxes/{made['inbox_id']}", {"status": "paused"}).json()

    assert changed == {**made, "status": "paused", "updated_at": changed["updated_at"]}
    assert changed["updated_at"] > made["updated_at"]
    assert stack.http.get(f"/inboxes/{made['inbox_id']}").json() == changed


def test_metadata_is_merged_key_by_key(stack: Mailbox, inbox: str) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"metadata": {"a": 1, "b": "x"}})

    merged = stack.http.patch(f"/inboxes/{inbox}", {"metadata": {"a": None, "c": True, "missing": None}}).json()

    assert merged["metadata"] == {"b": "x", "c": True}


@pytest.mark.parametrize("last", [None, {"a": None}])
def test_metadata_that_became_empty_is_absent(stack: Mailbox, inbox: str, last: Any) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"metadata": {"a": 1}})

    assert "metadata" not in stack.http.patch(f"/inboxes/{inbox}", {"metadata": last}).json()


def test_limits_hold_for_the_merged_metadata(stack: Mailbox, inbox: str) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"metadata": {f"a{n}": n for n in range(256)}})

    refused = stack.http.patch(f"/inboxes/{inbox}", {"metadata": {"one more": 1}})
    replaced = stack.http.patch(f"/inboxes/{inbox}", {"metadata": {"a0": None, "one more": 1}})

    assert (refused.status_code, paths(refused)) == (400, [["metadata"]])
    assert replaced.status_code == 200


@pytest.mark.parametrize("empty", [None, ""])
def test_a_display_name_can_be_cleared(stack: Mailbox, inbox: str, empty: str | None) -> None:
    stack.http.patch(f"/inboxes/{inbox}", {"display_name": "A"})

    assert "display_name" not in stack.http.patch(f"/inboxes/{inbox}", {"display_name": empty}).json()


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, []),
        ({"unknown": 1}, []),
        ({"metadata": {}}, ["metadata"]),
        ({"metadata": []}, ["metadata"]),
        ({"status": None}, ["status"]),
        ({"status": "deleted"}, ["status"]),
        ({"display_name": "a\nb"}, ["display_name"]),
        ({"metadata": {"a": {}}}, ["metadata", "a"]),
    ],
)
def test_a_bad_update_is_refused(stack: Mailbox, inbox: str, body: Any, path: list[Any]) -> None:
    answer = stack.http.patch(f"/inboxes/{inbox}", body)

    assert (answer.status_code, paths(answer)) == (400, [path])


def test_a_racing_update_wins_or_is_told_so(stack: Mailbox, inbox: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: stack.http.patch(f"/inboxes/{inbox}", {"metadata": {f"k{n}": n}}), range(8)))

    won = {n for n, answer in enumerate(answers) if answer.status_code == 200}
    lost = [answer.json()["code"] for answer in answers if answer.status_code != 200]
    assert set(lost) <= {"race_condition"}
    assert set(stack.http.get(f"/inboxes/{inbox}").json()["metadata"]) == {f"k{n}" for n in won}


def test_the_sdk_reads_changes_and_deletes(stack: Mailbox) -> None:
    inbox = stack.client.inboxes.create(request={"username": unique(), "display_name": "A"})

    stack.client.inboxes.update(inbox.inbox_id, display_name="B")
    read = stack.client.inboxes.get(inbox.inbox_id)
    stack.client.inboxes.delete(inbox.inbox_id)

    assert read.display_name == "B"
    with pytest.raises(ApiError) as raised:
        stack.client.inboxes.get(inbox.inbox_id)
    assert raised.value.status_code == 404
