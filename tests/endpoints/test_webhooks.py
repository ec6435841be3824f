"""Webhooks: what may be created, and who sees it (spec: webhooks.md)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.webhooks import get_webhook, list_webhooks
from mailroom.store import keys
from mailroom.webhooks.access import webhooks_of
from tests.support.contract import contract
from tests.support.identity import (
    new_pod,
    organization_id,
    other_organization,
    trips,
    using_key,
    using_pod_key,
    without_request_id,
)
from tests.support.polling import eventually
from tests.support.stacks import Mailbox
from tests.support.webhooks import MANAGE, URL, code, counted, default_pod, ids, made, refused, remove_all


@pytest.fixture(autouse=True)
def none_left(stack: Mailbox) -> Iterator[None]:
    """An organization has few webhooks, and these tests share one."""
    yield
    remove_all(stack)


# --- create -------------------------------------------------------------------------------------------------------------


def test_a_new_webhook_is_shown_whole_on_every_read(stack: Mailbox) -> None:
    webhook = made(stack.http, client_id=uuid.uuid4().hex, headers={"X-A": "b"})

    assert webhook.keys() == {
        *("webhook_id", "url", "event_types", "secret", "enabled", "updated_at", "created_at", "client_id"),
    }
    assert len(base64.b64decode(webhook["secret"].removeprefix("whsec_"), validate=True)) == 32
    assert stack.http.get(f"/webhooks/{webhook['webhook_id']}").json() == webhook
    assert stack.http.get("/webhooks").json()["webhooks"] == [webhook]


@pytest.mark.parametrize("given", [{}, {"event_types": []}, {"event_types": None}])
def test_without_event_types_it_hears_the_default_ones(stack: Mailbox, given: dict[str, Any]) -> None:
    answer = stack.http.post("/webhooks", {"url": URL, **given})

    assert answer.status_code == 200
    assert "event_types" not in answer.json()


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.com/",
            "ftp://example.com/",
            "example.com",
            "https://",
            "https:///x",
            "//example.com",
            "",
            " ",
            "https://a b/",
        ),
        *("https://user@example.com/", "https://user:pw@example.com/", "https://@example.com/", "https://:@example.com/"),
        *(
            "https://127.0.0.1/",
            "https://10.0.0.1:8443/x",
            "https://169.254.169.254/latest",
            "https://192.168.1.1",
            "https://0.0.0.0",
        ),
        *(
            "https://[::1]/",
            "https://[fd00::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[fe80::1%25eth0]/",
        ),
        *(
            "https://2130706433/",
            "https://0x7f.1/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://localhost/",
        ),
        *(
            "https://sub.localhost/",
            "https://example.com:0/",
            "https://example.com:99999/",
            "https://exämple.com/",
            "https://a\\@b/",
        ),
        *(
            "https://example.com/\r\nX: y",
            "https://example.com/" + "a" * 2048,
            "https://[::1",
            "javascript:alert(1)",
            "HTTPS://LOCALHOST/",
        ),
    ],
)
def test_a_url_that_nobody_should_be_sent_to_is_refused(stack: Mailbox, url: str) -> None:
    assert refused(stack.http.post("/webhooks", {"url": url, "event_types": ["message.sent"]}), "url")


@pytest.mark.parametrize(
    "url",
    ["https://93.184.216.34/", "https://[2606:2800:220:1::1]:8443/x?y=1", "HTTPS://Example.com", "https://e.com/" + "a" * 2034],
)
def test_a_url_of_the_open_internet_is_taken_as_it_is(stack: Mailbox, url: str) -> None:
    assert made(stack.http, url=url)["url"] == url


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("url", value) for value in (None, 1, [URL])),
        *(("event_types", value) for value in ("message.received", ["message.delayed"], ["Message.received"], [1], {})),
        *(("inbox_ids", value) for value in ("a@b.com", [""], [None], [["a"]], ["x" * 400])),
        *(("pod_ids", value) for value in ("x", [1])),
        *(("client_id", value) for value in ("", "a@b", "x" * 257, 1)),
        *(("headers", value) for value in ({}, [], "x", {"X": 1}, {"X": None}, {"": "x"}, {"X Y": "z"}, {"X:": "z"}, {"X\n": "z"})),
        *(("headers", {"X": value}) for value in ("a\r\nB: c", "a\x00", "ä", " a", "a ", "\n", "x" * 5000)),
        *(("headers", {name: "x"}) for name in ("svix-id", "Webhook-Signature", "HOST", "content-type", "Content-Length")),
        *(("headers", {name: "x"}) for name in ("Transfer-Encoding", "connection", "User-Agent", "X" * 300, "Expect")),
        ("headers", {"X-A": "1", "x-a": "2"}),
        ("headers", {f"X-{number}": "x" for number in range(21)}),
    ],
)
def test_a_malformed_field_is_named(stack: Mailbox, field: str, value: Any) -> None:
    assert refused(stack.http.post("/webhooks", {"url": URL, "event_types": ["message.sent"], field: value}), field)


def test_an_unknown_event_type_is_answered_with_the_known_ones(stack: Mailbox) -> None:
    answer = stack.http.post("/webhooks", {"url": URL, "event_types": ["nope"]})

    assert "message.received.unauthenticated" in answer.json()["errors"][0]["message"]


def test_every_event_type_of_the_contract_may_be_subscribed_to(stack: Mailbox) -> None:
    fields = contract()["models"]["CreateWebhookRequest"]["fields"]
    (everything,) = (field["enum"] for field in fields if field["name"] == "event_types")

    assert made(stack.http, event_types=[*everything, everything[0]])["event_types"] == everything


def test_a_client_id_gives_the_first_webhook_untouched(stack: Mailbox) -> None:
    name = uuid.uuid4().hex
    first = made(stack.http, client_id=name)

    again = made(stack.http, client_id=name, url="https://example.com/other", headers={"X": "y"})

    assert again == first
    assert stack.http.get(f"/webhooks/{name}/headers").json() == {"header_names": []}


def test_a_client_id_stands_for_the_id_in_paths(stack: Mailbox) -> None:
    first = made(stack.http, client_id=f"c-{uuid.uuid4().hex}")

    assert stack.http.get(f"/webhooks/{first['client_id']}").json() == first


def test_creating_with_one_client_id_at_once_makes_one_webhook(stack: Mailbox) -> None:
    name = uuid.uuid4().hex

    with ThreadPoolExecutor(6) as pool:
        made_ids = {webhook["webhook_id"] for webhook in pool.map(lambda _: made(stack.http, client_id=name), range(6))}

    assert made_ids == set(ids(stack.http))
    assert len(made_ids) == 1


def test_deleting_frees_the_client_id(stack: Mailbox) -> None:
    name = uuid.uuid4().hex
    first = made(stack.http, client_id=name)

    stack.http.delete(f"/webhooks/{first['webhook_id']}")

    assert made(stack.http, client_id=name)["webhook_id"] != first["webhook_id"]


def test_the_limit_holds_exactly_under_concurrency(stack: Mailbox) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: stack.http.post("/webhooks", {"url": URL}), range(56)))

    outcomes = sorted(answer.status_code for answer in answers)
    assert outcomes == [200] * 50 + [403] * 6
    assert {code(answer)[1] for answer in answers if answer.status_code == 403} == {"limit_exceeded"}
    assert len(webhooks_of(organization_id(stack.http), items=stack.runtime.items)) == 50


def test_a_deleted_webhook_makes_room_once(stack: Mailbox) -> None:
    webhook = made(stack.http)
    path = f"/webhooks/{webhook['webhook_id']}"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(answer.status_code for answer in pool.map(lambda _: stack.http.delete(path), range(4)))

    assert outcomes == [204, 404, 404, 404]
    assert counted(stack) == 0


# --- channels -----------------------------------------------------------------------------------------------------------


def test_at_an_inbox_it_belongs_to_the_inbox_and_hears_it(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, f"/inboxes/{inbox}")

    assert (webhook["inbox_id"], webhook["inbox_ids"], webhook["pod_id"]) == (inbox, [inbox], default_pod(stack))
    assert "pod_ids" not in webhook


def test_at_a_pod_it_belongs_to_the_pod_and_hears_it_unless_narrowed(stack: Mailbox, inbox: str) -> None:
    pod_id = default_pod(stack)

    whole, narrowed = made(stack.http, f"/pods/{pod_id}"), made(stack.http, f"/pods/{pod_id}", inbox_ids=[inbox.upper(), inbox])

    assert (whole["pod_id"], whole["pod_ids"], whole.get("inbox_ids")) == (pod_id, [pod_id], None)
    assert (narrowed["pod_id"], narrowed.get("pod_ids"), narrowed["inbox_ids"]) == (pod_id, None, [inbox])
    assert "inbox_id" not in narrowed


def test_channels_must_be_there(stack: Mailbox, inbox: str) -> None:
    foreign = other_organization(stack).post("/inboxes").json()
    second = new_pod(stack)

    for prefix, channels in (
        ("", {"inbox_ids": ["nobody@mailroom.local"]}),
        ("", {"inbox_ids": [inbox, foreign["inbox_id"]]}),
        ("", {"pod_ids": ["gone"]}),
        ("", {"pod_ids": [foreign["pod_id"]]}),
        (f"/pods/{second}", {"inbox_ids": [inbox]}),
    ):
        assert code(stack.http.post(f"{prefix}/webhooks", {"url": URL, **channels})) == (404, "not_found")


def test_a_narrower_route_takes_no_wider_channels(stack: Mailbox, inbox: str) -> None:
    pod_id = default_pod(stack)

    for prefix, field, value in (
        (f"/pods/{pod_id}", "pod_ids", pod_id),
        (f"/inboxes/{inbox}", "pod_ids", pod_id),
        (f"/inboxes/{inbox}", "inbox_ids", inbox),
    ):
        assert refused(stack.http.post(f"{prefix}/webhooks", {"url": URL, field: [value]}), field)


def test_at_most_ten_channels(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    inboxes, pod_id = [new_inbox() for _ in range(10)], default_pod(stack)

    made(stack.http, inbox_ids=inboxes)

    assert refused(stack.http.post("/webhooks", {"url": URL, "inbox_ids": inboxes, "pod_ids": [pod_id]}), "inbox_ids")
    assert refused(stack.http.post("/webhooks", {"url": URL, "pod_ids": [f"p{number}" for number in range(11)]}), "pod_ids")


# --- who ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("types", "lacking"),
    [
        (["message.received.spam"], "label_spam_read"),
        (["message.sent", "message.received.blocked"], "label_blocked_read"),
        (["message.received.unauthenticated"], "label_unauthenticated_read"),
        (["message.received"], "message_read"),
        ([], "message_read"),
        (["calendar.event.created"], "calendar_event_read"),
        (["draft.cancelled"], "draft_read"),
    ],
)
def test_what_a_key_may_not_read_it_cannot_subscribe_to(stack: Mailbox, types: list[str], lacking: str) -> None:
    granted = {**MANAGE, "label_spam_read": True, "label_blocked_read": True, "label_unauthenticated_read": True}
    limited = using_key(stack, {**granted, lacking: False})

    answer = limited.post("/webhooks", {"url": URL, "event_types": types})

    assert code(answer) == (403, "missing_permission")
    assert answer.json()["message"] == f"{lacking} is forbidden"
    assert limited.post("/webhooks", {"url": URL, "event_types": ["message.sent", "domain.verified"]}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "permission"),
    [
        ("GET", "/webhooks", "webhook_read"),
        ("POST", "/webhooks", "webhook_create"),
        ("GET", "/webhooks/{id}", "webhook_read"),
        ("PATCH", "/webhooks/{id}", "webhook_update"),
        ("DELETE", "/webhooks/{id}", "webhook_delete"),
        ("GET", "/webhooks/{id}/headers", "webhook_read"),
        ("PATCH", "/webhooks/{id}/headers", "webhook_update"),
        ("POST", "/webhooks/{id}/rotate-secret", "webhook_update"),
    ],
)
def test_each_endpoint_needs_its_permission(stack: Mailbox, method: str, path: str, permission: str) -> None:
    webhook = made(stack.http)
    limited = using_key(stack, {**MANAGE, permission: False})

    answer = limited.request(method, path.format(id=webhook["webhook_id"]))

    assert code(answer) == (403, "missing_permission")
    assert permission in answer.json()["fix"]


def test_a_narrow_key_manages_what_belongs_to_its_scope(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    of_organization, of_inbox, of_other = (
        made(stack.http),
        made(stack.http, f"/inboxes/{inbox}"),
        made(stack.http, f"/inboxes/{new_inbox()}"),
    )
    pod_id = default_pod(stack)
    by_inbox, by_pod, by_second = (
        using_key(stack, inbox_id=inbox),
        using_pod_key(stack, pod_id),
        using_pod_key(stack, new_pod(stack)),
    )

    assert ids(by_inbox) == ids(by_inbox, f"/inboxes/{inbox}") == [of_inbox["webhook_id"]]
    assert ids(by_pod) == ids(by_pod, f"/pods/{pod_id}") == [of_other["webhook_id"], of_inbox["webhook_id"]]
    assert ids(by_second) == []
    assert ids(stack.http) == [each["webhook_id"] for each in (of_other, of_inbox, of_organization)]


def test_a_narrow_key_creates_in_its_own_scope(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    pod_id = default_pod(stack)
    by_inbox, by_pod = using_key(stack, inbox_id=inbox), using_pod_key(stack, pod_id)

    assert (made(by_inbox)["inbox_id"], made(by_inbox, inbox_ids=[inbox])["inbox_ids"]) == (inbox, [inbox])
    assert (made(by_pod)["pod_ids"], made(by_pod, inbox_ids=[inbox])["pod_id"]) == ([pod_id], pod_id)
    for http, channels in ((by_inbox, {"inbox_ids": [new_inbox()]}), (by_inbox, {"pod_ids": [pod_id]})):
        assert code(http.post("/webhooks", {"url": URL, **channels})) == (404, "not_found")
    assert code(by_pod.post("/webhooks", {"url": URL, "pod_ids": [new_pod(stack)]})) == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"enabled": False}),
        ("DELETE", "", None),
        ("GET", "/headers", None),
        ("PATCH", "/headers", {"headers": {"X": "y"}}),
        ("POST", "/rotate-secret", None),
    ],
)
def test_a_foreign_webhook_is_answered_like_an_unknown_one(
    stack: Mailbox, inbox: str, new_inbox: Callable[[], str], method: str, tail: str, body: Any
) -> None:
    webhook = made(stack.http, client_id=f"n{uuid.uuid4().hex}")
    unknown = {"json": body} if body else {}
    strangers = [other_organization(stack), using_key(stack, inbox_id=inbox), using_pod_key(stack, default_pod(stack))]

    for http in strangers:
        missing = without_request_id(http.request(method, f"/webhooks/ep_{uuid.uuid4().hex}{tail}", **unknown))
        for name in (webhook["webhook_id"], webhook["client_id"], "x" * 3000, "%00", "ep_%2F"):
            assert without_request_id(http.request(method, f"/webhooks/{name}{tail}", **unknown)) == missing
    for prefix in (f"/inboxes/{new_inbox()}", f"/pods/{default_pod(stack)}"):
        assert code(stack.http.request(method, f"{prefix}/webhooks/{webhook['webhook_id']}{tail}", **unknown)) == (404, "not_found")
    assert stack.http.get(f"/webhooks/{webhook['webhook_id']}").json() == webhook


def test_an_inbox_key_has_no_pod_routes(stack: Mailbox, inbox: str) -> None:
    assert code(using_key(stack, inbox_id=inbox).get(f"/pods/{default_pod(stack)}/webhooks")) == (403, "forbidden")


@pytest.mark.parametrize("prefix", ["/pods/gone", "/inboxes/nobody@mailroom.local"])
def test_below_what_is_not_there_nothing_is_listed_or_made(stack: Mailbox, prefix: str) -> None:
    assert code(stack.http.get(f"{prefix}/webhooks")) == (404, "not_found")
    assert code(stack.http.post(f"{prefix}/webhooks", {"url": URL})) == (404, "not_found")


def test_another_organizations_client_id_is_free_here(stack: Mailbox) -> None:
    name = uuid.uuid4().hex
    theirs = made(other_organization(stack), client_id=name)

    assert made(stack.http, client_id=name)["webhook_id"] != theirs["webhook_id"]


def test_a_client_id_of_a_wider_scope_is_not_handed_to_a_narrow_key(stack: Mailbox, inbox: str) -> None:
    webhook = made(stack.http, client_id=uuid.uuid4().hex)

    answer = using_key(stack, inbox_id=inbox).post("/webhooks", {"url": URL, "client_id": webhook["client_id"]})

    assert code(answer) == (404, "not_found")


# --- list ---------------------------------------------------------------------------------------------------------------


def test_the_list_is_paged_newest_first_or_the_other_way(stack: Mailbox) -> None:
    everything = [made(stack.http)["webhook_id"] for _ in range(5)]

    for ascending, expected in ((False, everything[::-1]), (True, everything)):
        seen: list[str] = []
        params: dict[str, Any] = {"limit": 2, "ascending": str(ascending).lower()}
        for size in (2, 2, 1):
            page = stack.http.get("/webhooks", params=params).json()
            assert (page["count"], page["limit"]) == (size, 2)
            seen += [each["webhook_id"] for each in page["webhooks"]]
            params["page_token"] = page.get("next_page_token")
        assert (seen, params["page_token"]) == (expected, None)


def test_a_page_token_of_another_list_is_refused(stack: Mailbox, inbox: str) -> None:
    for _ in range(2):
        made(stack.http, f"/inboxes/{inbox}")
    token = stack.http.get("/webhooks", params={"limit": 1}).json()["next_page_token"]

    for path, params in (
        (f"/inboxes/{inbox}/webhooks", {}),
        ("/webhooks", {"ascending": "true"}),
        ("/webhooks/polling", {}),
        ("/api-keys", {}),
    ):
        assert refused(stack.http.get(path, params={"page_token": token, **params}), "page_token")


# --- cost and the end ---------------------------------------------------------------------------------------------------


def test_reading_costs_one_trip(stack: Mailbox) -> None:
    webhook = made(stack.http)

    assert trips(stack, get_webhook, "/webhooks/{webhook_id}", webhook_id=webhook["webhook_id"]) == 1
    assert trips(stack, list_webhooks, "/webhooks") == 1


def test_an_inbox_takes_its_webhooks_along(stack: Mailbox, inbox: str) -> None:
    gone, kept = made(stack.http, f"/inboxes/{inbox}", client_id=uuid.uuid4().hex), made(stack.http, inbox_ids=[inbox])

    stack.http.delete(f"/inboxes/{inbox}")

    eventually(lambda: ids(stack.http) == [kept["webhook_id"]])
    mapped = keys.client_id(organization_id(stack.http), "webhook", gone["client_id"])
    eventually(lambda: stack.runtime.items.get(mapped) is None)
    assert counted(stack) == 1
