"""Two pods of one organization, and two organizations: nothing of one is there for the other (spec: pods.md, README 6)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.identity import organization_id, other_organization, using_key, using_pod_key, without_request_id
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict

FILE = "0197a000-0000-7000-8000-000000000002"
TYPES = ["message.received"]


@dataclass(frozen=True)
class Tenant:
    """A pod with one of everything."""

    http: Strict
    """A key of its organization."""
    pod_id: str
    ids: dict[str, str]
    """By the name of the path's parameter."""


def tenant(stack: Mailbox, http: Strict) -> Tenant:
    client_id = uuid.uuid4().hex
    pod_id = http.post("/pods", {"client_id": client_id}).json()["pod_id"]
    base = f"/pods/{pod_id}"
    inbox_id = http.post(f"{base}/inboxes").json()["inbox_id"]
    o = organization_id(http)
    draft = http.post(f"/inboxes/{inbox_id}/drafts", {"text": "later"}).json()
    ids = {
        "pod": pod_id,
        "pod client id": client_id,
        "inbox_id": inbox_id,
        "thread_id": seed(stack.runtime, o, inbox_id, files={FILE: b"x"})["thread_id"],
        "draft_id": draft["draft_id"],
        "webhook_id": http.post(f"{base}/webhooks", {"url": "https://example.com/hook"}).json()["webhook_id"],
        "polling_id": http.post(f"{base}/webhooks/polling", {"client_id": "p", "event_types": TYPES}).json()["webhook_id"],
        "api_key_id": http.post(f"{base}/api-keys", {}).json()["api_key_id"],
        "entry": http.post(f"{base}/lists/receive/block", {"entry": f"{uuid.uuid4().hex}.example.com"}).json()["entry"],
    }
    return Tenant(http, pod_id, ids)


@pytest.fixture(scope="module")
def pods(stack: Mailbox) -> tuple[Tenant, Tenant]:
    """Kept for all tests: what is refused changes nothing."""
    return tenant(stack, stack.http), tenant(stack, stack.http)


@pytest.fixture(scope="module")
def narrow(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> Strict:
    """A key of the first pod."""
    return using_pod_key(stack, pods[0].pod_id)


@pytest.fixture(scope="module")
def stranger(stack: Mailbox) -> Tenant:
    return tenant(stack, other_organization(stack))


BELOW: list[tuple[str, str, str, Any]] = [
    ("GET", "/inboxes/{}", "inbox_id", None),
    ("PATCH", "/inboxes/{}", "inbox_id", {"display_name": "taken"}),
    ("DELETE", "/inboxes/{}", "inbox_id", None),
    ("GET", "/threads/{}", "thread_id", None),
    ("PATCH", "/threads/{}", "thread_id", {"add_labels": ["taken"]}),
    ("DELETE", "/threads/{}", "thread_id", None),
    ("DELETE", "/threads/{}?permanent=false", "thread_id", None),
    ("GET", f"/threads/{{}}/attachments/{FILE}", "thread_id", None),
    ("GET", "/drafts/{}", "draft_id", None),
    ("GET", "/webhooks/{}", "webhook_id", None),
    ("PATCH", "/webhooks/{}", "webhook_id", {"enabled": False}),
    ("DELETE", "/webhooks/{}", "webhook_id", None),
    ("GET", "/webhooks/polling/{}", "polling_id", None),
    ("DELETE", "/webhooks/polling/{}", "polling_id", None),
    ("PATCH", "/api-keys/{}", "api_key_id", {"name": "taken"}),
    ("DELETE", "/api-keys/{}", "api_key_id", None),
    ("GET", "/lists/receive/block/{}", "entry", None),
    ("DELETE", "/lists/receive/block/{}", "entry", None),
]
ROOMS = [
    *("/inboxes", "/threads", "/drafts", "/events", "/webhooks", "/webhooks/polling", "/api-keys"),
    *("/lists/receive/block", "/lists/send/allow"),
]


def random_id(name: str) -> str:
    return {
        "inbox_id": f"{uuid.uuid4().hex}@mailroom.local",
        "webhook_id": f"ep_{uuid.uuid4().hex}",
        "polling_id": f"ep_{uuid.uuid4().hex}",
        "entry": f"{uuid.uuid4().hex}.example.com",
        "pod client id": uuid.uuid4().hex,
    }.get(name, str(uuid.uuid4()))


def ask(http: Strict, method: str, path: str, body: Any) -> httpx.Response:
    return http.request(method, path, **({} if body is None else {"json": body}))


def answers_like_random(http: Strict, method: str, pattern: str, name: str, foreign: str, body: Any) -> None:
    answer, random = (ask(http, method, pattern.format(each), body) for each in (foreign, random_id(name)))
    assert answer.status_code == 404
    assert without_request_id(answer) == without_request_id(random)


def visible(http: Strict, base: str) -> set[str]:
    """Ids of everything that the rooms below a path list."""
    found: set[str] = set()
    for room in ROOMS:
        page = http.get(base + room).json()
        (listed,) = (value for value in page.values() if isinstance(value, list))
        found |= {str(value) for each in listed for name, value in each.items() if name.endswith("_id") or name == "entry"}
    return found


@pytest.mark.parametrize(("method", "pattern", "name", "body"), BELOW)
def test_what_belongs_to_another_pod_is_not_below_this_one(
    stack: Mailbox, pods: tuple[Tenant, Tenant], narrow: Strict, method: str, pattern: str, name: str, body: Any
) -> None:
    mine, other = pods
    for http in (stack.http, narrow):
        answers_like_random(http, method, f"/pods/{mine.pod_id}{pattern}", name, other.ids[name], body)


@pytest.mark.parametrize(("method", "pattern", "name", "body"), BELOW)
def test_what_belongs_to_another_organization_is_not_there(
    stack: Mailbox, pods: tuple[Tenant, Tenant], stranger: Tenant, method: str, pattern: str, name: str, body: Any
) -> None:
    mine, _ = pods
    for base in ("", f"/pods/{mine.pod_id}", f"/pods/{stranger.pod_id}"):
        answers_like_random(stack.http, method, base + pattern, name, stranger.ids[name], body)


def test_what_is_the_pods_own_is_there(stack: Mailbox) -> None:
    own = tenant(stack, stack.http)
    order = sorted(BELOW, key=lambda each: (each[0] == "DELETE", "permanent" not in each[1], each[2] == "inbox_id"))

    answers = [
        ask(own.http, method, f"/pods/{own.pod_id}{pattern.format(own.ids[name])}", body) for method, pattern, name, body in order
    ]

    assert {answer.status_code for answer in answers} == {200, 204}


def test_a_foreign_pod_answers_like_none(stack: Mailbox, pods: tuple[Tenant, Tenant], narrow: Strict, stranger: Tenant) -> None:
    _, other = pods
    for name in ("pod", "pod client id"):
        for http, foreign in ((stack.http, stranger), (narrow, stranger), (narrow, other)):
            for room in ("", *ROOMS):
                answers_like_random(http, "GET", f"/pods/{{}}{room}", name, foreign.ids[name], None)


def test_a_list_below_a_pod_holds_what_is_the_pods(stack: Mailbox, pods: tuple[Tenant, Tenant], narrow: Strict) -> None:
    mine, other = pods
    inner = {value for name, value in mine.ids.items() if name != "pod client id"}
    foreign = set(other.ids.values())

    found = [visible(stack.http, f"/pods/{mine.pod_id}"), visible(narrow, f"/pods/{mine.pod_id}"), visible(narrow, "")]

    for each in found:
        assert inner <= each
        assert not foreign & each


def test_the_organizations_lists_hold_both(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> None:
    shown = visible(stack.http, "")

    for pod in pods:
        assert {pod.ids[name] for name in ("inbox_id", "thread_id", "draft_id", "webhook_id", "api_key_id")} <= shown


def test_a_key_of_a_pod_makes_things_in_its_pod(pods: tuple[Tenant, Tenant], narrow: Strict) -> None:
    mine, other = pods

    made = [narrow.post(f"{base}/inboxes").json()["pod_id"] for base in ("", f"/pods/{mine.pod_id}")]
    refused = narrow.post(f"/pods/{other.pod_id}/inboxes")

    assert made == [mine.pod_id] * 2
    assert refused.status_code == 404


def test_an_inbox_is_made_in_the_default_pod_unless_a_pod_is_named(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> None:
    default = stack.http.get("/pods", params={"ascending": "true"}).json()["pods"][0]

    assert stack.http.post("/inboxes").json()["pod_id"] == default["pod_id"]
    assert stack.http.post(f"/pods/{pods[0].pod_id}/inboxes").json()["pod_id"] == pods[0].pod_id


def test_a_client_id_of_another_pods_inbox_is_not_replayed(stack: Mailbox, pods: tuple[Tenant, Tenant], narrow: Strict) -> None:
    mine, other = pods
    client_id = uuid.uuid4().hex
    stack.http.post(f"/pods/{other.pod_id}/inboxes", {"client_id": client_id})

    for http in (stack.http, narrow):
        assert http.post(f"/pods/{mine.pod_id}/inboxes", {"client_id": client_id}).status_code == 404


def test_keys_of_the_pods_inboxes_are_not_listed_as_the_pods(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> None:
    mine, _ = pods
    of_inbox = stack.http.post(f"/inboxes/{mine.ids['inbox_id']}/api-keys", {}).json()["api_key_id"]

    listed = {each["api_key_id"] for each in stack.http.get(f"/pods/{mine.pod_id}/api-keys").json()["api_keys"]}

    assert (mine.ids["api_key_id"] in listed, of_inbox in listed) == (True, False)
    assert stack.http.delete(f"/pods/{mine.pod_id}/api-keys/{of_inbox}").status_code == 404


def test_a_key_of_an_inbox_goes_nowhere_below_pods(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> None:
    mine, _ = pods
    narrow = using_key(stack, inbox_id=mine.ids["inbox_id"])

    for room in ROOMS:
        answer = narrow.get(f"/pods/{mine.pod_id}{room}")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_key_made_on_a_pods_route_is_bound_to_it(stack: Mailbox, pods: tuple[Tenant, Tenant]) -> None:
    mine, _ = pods

    made = stack.http.post(f"/pods/{mine.pod_id}/api-keys", {"name": "Customer", "permissions": {"inbox_read": True}}).json()

    me = stack.strict(made["api_key"]).get("/auth/me").json()
    assert (me["scope_type"], me["scope_id"], me["pod_id"], made["pod_id"]) == ("pod", *[mine.pod_id] * 3)
    assert stack.strict(made["api_key"]).post("/inboxes").status_code == 403
