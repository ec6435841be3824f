"""Pods: made, listed, read, and named by client id in every path (spec: pods.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from functions.inboxes import create_inbox, list_inboxes
from functions.keys import list_api_keys
from functions.pods import create_pod, get_pod, list_pods
from functions.threads import get_thread, list_threads
from functions.webhooks import list_webhooks
from mailroom.store import keys
from tests.openapi import described_routes
from tests.support.identity import organization_id, other_organization, trips, using_key, using_pod_key
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict

NewPod = Callable[..., dict[str, Any]]
PREFIXED = [(route.method, route.path) for route in described_routes() if route.path.startswith("/pods/{pod_id}/")]


@pytest.fixture
def new_pod(stack: Mailbox) -> NewPod:
    def make(**body: Any) -> dict[str, Any]:
        answer = stack.http.post("/pods", body)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return make


@pytest.fixture
def tenant(stack: Mailbox) -> Strict:
    """An organization of its own, where nobody else makes pods."""
    return other_organization(stack)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def names(page: httpx.Response) -> list[str]:
    return [pod["name"] for pod in page.json()["pods"]]


# --- create -------------------------------------------------------------------------------------------------------------


def test_a_new_pod_is_shown_whole_on_every_read(stack: Mailbox, new_pod: NewPod) -> None:
    client_id = uuid.uuid4().hex

    pod = new_pod(name="Customer 17", client_id=client_id, description="The one with the cats")

    assert pod == {
        "pod_id": pod["pod_id"],
        "name": "Customer 17",
        "client_id": client_id,
        "description": "The one with the cats",
        "inbox_ids": [],
        "inbox_count": 0,
        "updated_at": pod["created_at"],
        "created_at": pod["created_at"],
    }
    assert stack.http.get(f"/pods/{pod['pod_id']}").json() == pod
    assert stack.http.get(f"/pods/{client_id}").json() == pod
    assert pod in stack.http.get("/pods").json()["pods"]


def test_a_pod_without_a_name_is_called_by_its_client_id_or_its_id(new_pod: NewPod) -> None:
    client_id = uuid.uuid4().hex

    named, plain = new_pod(client_id=client_id), new_pod(name=None, client_id=None, description=None)

    assert named["name"] == client_id
    assert plain["name"] == f"Pod {plain['pod_id'][:8]}"
    assert plain.keys().isdisjoint(("client_id", "description"))


def test_a_pod_may_be_made_without_a_body(stack: Mailbox) -> None:
    assert stack.http.post("/pods").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 257}, "name"),
        ({"name": 1}, "name"),
        ({"client_id": ""}, "client_id"),
        ({"client_id": "a@b"}, "client_id"),
        ({"client_id": "x" * 257}, "client_id"),
        ({"description": "x" * 1025}, "description"),
        ({"description": ["x"]}, "description"),
    ],
)
def test_a_body_that_is_not_valid_is_refused_by_field(stack: Mailbox, body: dict[str, Any], field: str) -> None:
    answer = stack.http.post("/pods", body)

    assert code(answer) == (400, "validation_error")
    assert [error["path"] for error in answer.json()["errors"]] == [[field]]


def test_a_used_client_id_gives_the_first_pod_untouched(new_pod: NewPod) -> None:
    client_id = uuid.uuid4().hex
    first = new_pod(name="First", client_id=client_id)

    assert new_pod(name="Second", client_id=client_id, description="ignored") == first


def test_one_client_id_makes_one_pod_however_many_try_at_once(new_pod: NewPod) -> None:
    client_id = uuid.uuid4().hex

    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: new_pod(client_id=client_id), range(6)))

    assert len({pod["pod_id"] for pod in made}) == 1


def test_client_ids_of_other_organizations_and_other_resources_are_free(stack: Mailbox, new_pod: NewPod, tenant: Strict) -> None:
    client_id = uuid.uuid4().hex
    pod = new_pod(client_id=client_id)

    foreign = tenant.post("/pods", {"client_id": client_id}).json()
    inbox = stack.http.post("/inboxes", {"client_id": client_id}).json()

    assert foreign["pod_id"] != pod["pod_id"]
    assert inbox["pod_id"] != pod["pod_id"]


# --- list and get -------------------------------------------------------------------------------------------------------


def test_pods_are_listed_newest_first_the_default_pod_last(tenant: Strict) -> None:
    for number in range(3):
        tenant.post("/pods", {"name": f"{number}"})

    page = tenant.get("/pods")

    assert names(page) == ["2", "1", "0", "Default Pod"]
    assert (page.json()["count"], page.json()["limit"]) == (4, 50)
    assert names(tenant.get("/pods", params={"ascending": "true"})) == ["Default Pod", "0", "1", "2"]


@pytest.mark.parametrize("ascending", ["false", "true"])
def test_pages_hold_every_pod_once(tenant: Strict, ascending: str) -> None:
    for number in range(4):
        tenant.post("/pods", {"name": f"{number}"})
    whole = names(tenant.get("/pods", params={"ascending": ascending}))

    found: list[str] = []
    params: dict[str, Any] = {"limit": 2, "ascending": ascending}
    while True:
        page = tenant.get("/pods", params=params)
        found += names(page)
        if "next_page_token" not in page.json():
            break
        params["page_token"] = page.json()["next_page_token"]

    assert found == whole


def test_a_page_token_belongs_to_its_list_and_its_organization(stack: Mailbox, new_pod: NewPod, tenant: Strict) -> None:
    new_pod()
    token = stack.http.get("/pods", params={"limit": 1}).json()["next_page_token"]

    refused = [
        tenant.get("/pods", params={"limit": 1, "page_token": token}),
        stack.http.get("/pods", params={"limit": 1, "ascending": "true", "page_token": token}),
        stack.http.get("/inboxes", params={"limit": 1, "page_token": token}),
    ]

    assert [code(answer) for answer in refused] == [(400, "validation_error")] * 3


@pytest.mark.parametrize("limit", ["0", "101", "x"])
def test_a_limit_out_of_range_is_refused(stack: Mailbox, limit: str) -> None:
    assert code(stack.http.get("/pods", params={"limit": limit})) == (400, "validation_error")


def test_a_pod_names_its_inboxes_newest_first(tenant: Strict) -> None:
    pod = tenant.post("/pods").json()
    made = [tenant.post(f"/pods/{pod['pod_id']}/inboxes").json()["inbox_id"] for _ in range(3)]
    tenant.post("/inboxes")
    tenant.delete(f"/inboxes/{made.pop(1)}")

    shown = tenant.get(f"/pods/{pod['pod_id']}").json()

    assert (shown["inbox_ids"], shown["inbox_count"]) == (made[::-1], 2)
    assert tenant.get("/pods").json()["pods"][0] == shown
    default = tenant.get("/pods").json()["pods"][1]
    assert (default["name"], default["inbox_count"], len(default["inbox_ids"])) == ("Default Pod", 1, 1)


def test_a_pod_names_at_most_a_hundred_of_its_inboxes(stack: Mailbox, new_pod: NewPod) -> None:
    pod_id = new_pod()["pod_id"]
    made = [stack.http.post(f"/pods/{pod_id}/inboxes").json()["inbox_id"] for _ in range(102)]

    shown = stack.http.get(f"/pods/{pod_id}").json()

    assert (shown["inbox_ids"], shown["inbox_count"]) == (made[:1:-1], 102)


# --- who may ------------------------------------------------------------------------------------------------------------


def test_a_key_needs_the_permission_of_what_it_does(stack: Mailbox, new_pod: NewPod) -> None:
    pod_id = new_pod()["pod_id"]
    calls = {
        "pod_read": [("GET", "/pods"), ("GET", f"/pods/{pod_id}"), ("GET", f"/pods/{uuid.uuid4()}")],
        "pod_create": [("POST", "/pods")],
        "pod_delete": [("DELETE", f"/pods/{pod_id}"), ("DELETE", f"/pods/{uuid.uuid4()}")],
    }
    everything = dict.fromkeys(("pod_read", "pod_create", "pod_update", "pod_delete"), True)
    for permission, requests in calls.items():
        weak = using_key(stack, {**everything, permission: False})
        for method, path in requests:
            answer = weak.request(method, path)
            assert code(answer) == (403, "missing_permission")
            assert permission in answer.json()["fix"]


def test_a_key_of_a_pod_reads_its_own_pod_only(stack: Mailbox, new_pod: NewPod) -> None:
    own, other = new_pod(client_id=uuid.uuid4().hex), new_pod(client_id=uuid.uuid4().hex)
    narrow = using_pod_key(stack, own["pod_id"])

    page = narrow.get("/pods").json()

    assert (page["pods"], page["count"], "next_page_token" in page) == ([own], 1, False)
    assert narrow.get(f"/pods/{own['pod_id']}").json() == narrow.get(f"/pods/{own['client_id']}").json() == own
    assert [code(narrow.get(f"/pods/{other[name]}")) for name in ("pod_id", "client_id")] == [(404, "not_found")] * 2


def test_a_key_of_a_pod_neither_makes_nor_deletes_pods(stack: Mailbox, new_pod: NewPod) -> None:
    pod_id = new_pod()["pod_id"]
    narrow = using_pod_key(stack, pod_id)

    answers = [narrow.post("/pods", {}), narrow.delete(f"/pods/{pod_id}")]

    assert [code(answer) for answer in answers] == [(403, "missing_permission")] * 2


def test_a_key_of_an_inbox_has_no_pods(stack: Mailbox, inbox: str, new_pod: NewPod) -> None:
    pod = new_pod(client_id=uuid.uuid4().hex)
    narrow = using_key(stack, inbox_id=inbox)

    assert [code(narrow.request(method, "/pods")) for method in ("GET", "POST")] == [(403, "missing_permission")] * 2
    for value in (pod["pod_id"], pod["client_id"], str(uuid.uuid4())):
        for method in ("GET", "DELETE"):
            assert code(narrow.request(method, f"/pods/{value}")) == (403, "forbidden")


# --- client ids in paths ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("looks", ["like a name", "like an id"])
def test_a_client_id_stands_for_the_id_in_every_room(stack: Mailbox, new_pod: NewPod, looks: str) -> None:
    client_id = str(uuid.uuid4()) if looks == "like an id" else f"customer~{uuid.uuid4().hex}"
    pod_id = new_pod(client_id=client_id)["pod_id"]
    http, base = stack.http, f"/pods/{client_id}"

    inbox = http.post(f"{base}/inboxes").json()
    webhook = http.post(f"{base}/webhooks", {"url": "https://example.com/hook"}).json()
    polling = http.post(f"{base}/webhooks/polling", {"client_id": "p", "event_types": ["message.received"]}).json()
    entry = http.post(f"{base}/lists/receive/block", {"entry": "example.com"}).json()
    made = http.post(f"{base}/api-keys", {}).json()

    assert {each["pod_id"] for each in (inbox, webhook, polling, entry, made)} == {pod_id}
    for name in (client_id, pod_id):
        base = f"/pods/{name}"
        assert [each["inbox_id"] for each in http.get(f"{base}/inboxes").json()["inboxes"]] == [inbox["inbox_id"]]
        assert http.get(f"{base}/webhooks").json()["webhooks"] == [webhook]
        assert http.get(f"{base}/webhooks/{webhook['webhook_id']}").json() == webhook
        assert http.get(f"{base}/webhooks/polling/p").status_code == 200
        assert http.get(f"{base}/lists/receive/block/example.com").json() == entry
        assert len(http.get(f"{base}/api-keys").json()["api_keys"]) == 1
        for room in ("threads", "drafts", "events"):
            assert http.get(f"{base}/{room}").json()[room] == []


def test_a_client_id_that_looks_like_an_id_opens_its_own_pod_to_a_key_of_it(stack: Mailbox, new_pod: NewPod) -> None:
    client_id = str(uuid.uuid4())
    pod = new_pod(client_id=client_id)

    assert using_pod_key(stack, pod["pod_id"]).get(f"/pods/{client_id}").json() == pod


def test_an_id_goes_before_a_client_id_that_looks_the_same(stack: Mailbox, new_pod: NewPod) -> None:
    first = new_pod(name="First")
    new_pod(name="Second", client_id=first["pod_id"])

    assert stack.http.get(f"/pods/{first['pod_id']}").json() == first


@pytest.mark.parametrize(("method", "path"), PREFIXED)
def test_no_route_knows_a_pod_that_is_not_there(stack: Mailbox, method: str, path: str) -> None:
    bodies = {
        "inboxes": {"display_name": "x"},
        "webhooks": {"url": "https://example.com/hook"},
        "polling": {"client_id": "p", "event_types": ["message.received"]},
        "{type}": {"entry": "example.com"},
        "api-keys": {},
        "{api_key_id}": {"name": "x"},
        "{inbox_id}": {"display_name": "x"},
        "{thread_id}": {"add_labels": ["x"]},
        "{webhook_id}": {"enabled": True},
        "headers": {"headers": {"a": "b"}},
        "domains": {"domain": "nobody.example.com"},
        "{domain_id}": {"tracking_enabled": True},
    }
    some = {"direction": "send", "type": "allow", "inbox_id": "nobody@mailroom.local"}
    body = bodies.get(path.rsplit("/", 1)[1], {}) if method in ("POST", "PATCH") else None
    query = {"q": "word"} if path.endswith("/search") else {}
    for pod in (str(uuid.uuid4()), "customer-unknown"):
        filled = path
        for name in [part.strip("{}") for part in path.split("/") if part.startswith("{")]:
            filled = filled.replace(f"{{{name}}}", pod if name == "pod_id" else some.get(name, str(uuid.uuid4())))
        answer = stack.http.request(method, filled, params=query, **({"json": body} if body is not None else {}))
        assert code(answer) == (404, "not_found")


# --- what it costs ------------------------------------------------------------------------------------------------------


def test_store_trips(stack: Mailbox, new_pod: NewPod) -> None:
    client_id = uuid.uuid4().hex
    pod = new_pod(client_id=client_id)["pod_id"]
    inbox = stack.http.post(f"/pods/{pod}/inboxes").json()["inbox_id"]
    thread = seed(stack.runtime, organization_id(stack.http), inbox)["thread_id"]

    assert trips(stack, get_pod, "/pods/{pod_id}", pod_id=pod) == 1
    assert trips(stack, get_pod, "/pods/{pod_id}", pod_id=client_id) == 3
    assert trips(stack, list_pods, "/pods") == 2
    assert trips(stack, create_pod, "/pods", method="POST", body={}) == 2
    assert trips(stack, list_inboxes, "/pods/{pod_id}/inboxes", pod_id=pod) == 2
    assert trips(stack, list_inboxes, "/pods/{pod_id}/inboxes", pod_id=client_id) == 4
    assert trips(stack, create_inbox, "/pods/{pod_id}/inboxes", method="POST", body={}, pod_id=pod) == 3
    assert trips(stack, list_threads, "/pods/{pod_id}/threads", pod_id=pod) == 2
    assert trips(stack, get_thread, "/pods/{pod_id}/threads/{thread_id}", pod_id=pod, thread_id=thread) == 3
    assert trips(stack, list_api_keys, "/pods/{pod_id}/api-keys", pod_id=pod) == 1
    assert trips(stack, list_webhooks, "/pods/{pod_id}/webhooks", pod_id=pod) == 1


def test_what_is_stored_is_under_the_organization(stack: Mailbox, new_pod: NewPod) -> None:
    o, client_id = organization_id(stack.http), uuid.uuid4().hex

    pod_id = new_pod(client_id=client_id)["pod_id"]

    assert stack.runtime.items.get(keys.pod(o, pod_id)) is not None
    assert (stack.runtime.items.get(keys.client_id(o, "pod", client_id)) or {})["id"] == pod_id
