"""The event log over HTTP: by time, and from a position on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from functions.events import list_events
from mailroom.events import types
from mailroom.events.log import KEPT_MS
from mailroom.events.positions import page_of
from mailroom.store import keys
from mailroom.store.port import Set
from tests.support.events import happen
from tests.support.identity import new_pod, organization_id, other_organization, trips, using_key, using_pod_key, without_request_id
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

DOMAIN = {
    "domain_id": "mail.example.com",
    "domain": "mail.example.com",
    "status": "VERIFIED",
    "feedback_enabled": True,
    "tracking_enabled": False,
    "subdomains_enabled": False,
    "records": [],
    "updated_at": "2026-01-01T12:00:00.000Z",
    "created_at": "2026-01-01T12:00:00.000Z",
}
SPAM = "X-Mailroom-Verdicts: spam=FAIL\r\n"


def mail(stack: Mailbox, inbox: str, subject: str = "Hello", more: str = "") -> None:
    head = f"From: Ann <ann@example.com>\r\nTo: {inbox}\r\nSubject: {subject}\r\nMessage-ID: <{subject}.{inbox}>\r\n{more}"
    stack.deliver(f"{head}\r\nThe text\r\n".encode(), inbox)


def occur(stack: Mailbox, inbox: str, count: int, **given: Any) -> list[str]:
    """Ids of events of one inbox, in the order in which they happened."""
    o, now = organization_id(stack.http), stack.runtime.clock()
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    given = {"inbox_id": inbox, "pod_id": pod_id, **given}
    return [happen(n, items=stack.runtime.items, o=o, ts=now + n, **given)["event_id"] for n in range(count)]


def listed(http: Strict, path: str = "/events", **params: Any) -> list[dict[str, Any]]:
    return list(http.get(path, params=params).json()["events"])


def ids(http: Strict, path: str = "/events", **params: Any) -> list[str]:
    return [event["event_id"] for event in listed(http, path, **params)]


def sequenced(http: Strict, count: int, **params: Any) -> list[dict[str, Any]]:
    """So many events, once all have their positions."""

    def ready() -> list[dict[str, Any]]:
        found = listed(http, **params)
        return found if len(found) >= count and all("position" in event for event in found) else []

    return eventually(ready)


def now_at(stack: Mailbox) -> int:
    return int(eventually(lambda: stack.http.get("/events", params={"after": 0, "limit": 250}).json())["position"])


# --- what events show ---------------------------------------------------------------------------------------------------


def test_a_received_mail_is_an_event_with_message_and_thread(stack: Mailbox, inbox: str) -> None:
    mail(stack, inbox)

    (event,) = sequenced(stack.http, 1, inbox_ids=inbox)

    message_id = event["message"]["message_id"]
    shown = stack.client.inboxes.messages.get(inbox, message_id)
    assert (event["type"], event["event_type"]) == ("event", "message.received")
    assert (event["message"]["text"], event["message"]["headers"]["Subject"]) == (shown.text, "Hello")
    assert (event["thread"]["message_count"], event["thread"]["last_message_id"]) == (1, message_id)


def test_an_event_shows_the_thread_as_it_was_then(stack: Mailbox, inbox: str) -> None:
    mail(stack, inbox, "First")
    eventually(lambda: listed(stack.http, inbox_ids=inbox))
    mail(stack, inbox, "Second", f"In-Reply-To: <First.{inbox}>\r\n")

    second, first = sequenced(stack.http, 2, inbox_ids=inbox)

    assert first["thread"]["thread_id"] == second["thread"]["thread_id"]
    assert [each["thread"]["message_count"] for each in (first, second)] == [1, 2]


def test_a_label_changed_later_changes_no_event(stack: Mailbox, inbox: str) -> None:
    mail(stack, inbox)
    (before,) = sequenced(stack.http, 1, inbox_ids=inbox)
    stack.client.inboxes.messages.update(inbox, before["message"]["message_id"], add_labels=["done"])

    assert listed(stack.http, inbox_ids=inbox) == [before]


def test_content_of_a_deleted_message_is_gone_from_its_event(stack: Mailbox, inbox: str) -> None:
    mail(stack, inbox)
    (before,) = sequenced(stack.http, 1, inbox_ids=inbox)
    stack.client.inboxes.messages.delete(inbox, before["message"]["message_id"])

    (after,) = listed(stack.http, inbox_ids=inbox)

    assert "text" not in after["message"]
    assert after["message"]["message_id"] == before["message"]["message_id"]


def test_a_sent_mail_is_an_event_with_its_bare_recipients(stack: Mailbox, inbox: str) -> None:
    sent = stack.client.inboxes.messages.send(inbox, to=["Ann <ann@example.com>"], bcc=["bob@example.com"], subject="s", text="t")

    (event,) = sequenced(stack.http, 1, inbox_ids=inbox, event_types="message.sent")

    assert (event["send"]["message_id"], event["send"]["thread_id"]) == (sent.message_id, sent.thread_id)
    assert sorted(event["send"]["recipients"]) == ["ann@example.com", "bob@example.com"]


# --- by time ------------------------------------------------------------------------------------------------------------


def test_events_come_newest_first_in_pages(stack: Mailbox, inbox: str) -> None:
    made = occur(stack, inbox, 7, event_type=types.SENT) + occur(stack, inbox, 7, event_type=types.DELIVERED)

    seen: list[str] = []
    token = None
    while token is not None or not seen:
        params = {"inbox_ids": inbox, "limit": 5, **({"page_token": token} if token else {})}
        page = stack.http.get("/events", params=params).json()
        seen += [event["event_id"] for event in page["events"]]
        token = page.get("next_page_token")

    assert sorted(seen) == sorted(made)
    assert seen == sorted(seen, reverse=True)
    assert ids(stack.http, inbox_ids=inbox, ascending="true") == seen[::-1]


def test_a_partition_longer_than_what_is_read_at_once_is_read_on(stack: Mailbox, inbox: str) -> None:
    made = occur(stack, inbox, 40)

    assert ids(stack.http, inbox_ids=inbox, ascending="true", limit=100) == made


def test_the_organization_and_the_pod_see_all_inboxes(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    first, second = new_inbox(), new_inbox()
    made = {*occur(stack, first, 2), *occur(stack, second, 2)}
    pod_id = stack.http.get(f"/inboxes/{first}").json()["pod_id"]

    assert made <= set(ids(stack.http, limit=250))
    assert made <= set(ids(stack.http, f"/pods/{pod_id}/events", limit=250))
    assert set(ids(stack.http, f"/pods/{pod_id}/events", inbox_ids=second)) < made


def test_events_are_filtered_by_type(stack: Mailbox, inbox: str) -> None:
    sent, opened = occur(stack, inbox, 1, event_type=types.SENT), occur(stack, inbox, 1, event_type=types.OPENED)

    assert ids(stack.http, inbox_ids=inbox, event_types="message.opened") == opened
    assert set(ids(stack.http, inbox_ids=inbox, event_types='["message.opened","message.sent"]')) == {*sent, *opened}


def test_an_event_of_a_listed_inbox_in_a_listed_pod_comes_once(stack: Mailbox, inbox: str) -> None:
    made = occur(stack, inbox, 3)
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    assert ids(stack.http, inbox_ids=inbox, pod_ids=pod_id, limit=3) == made[::-1]


def test_events_of_a_deleted_inbox_are_gone(stack: Mailbox, inbox: str) -> None:
    made = occur(stack, inbox, 2)
    assert set(made) <= set(ids(stack.http, limit=250))

    stack.http.delete(f"/inboxes/{inbox}")

    assert not set(made) & set(ids(stack.http, limit=250))
    assert not set(made) & set(ids(stack.http, after=0, limit=250))


def test_a_page_costs_few_trips(stack: Mailbox, inbox: str) -> None:
    occur(stack, inbox, 5)

    assert trips(stack, list_events, "/events") <= 4


# --- from a position on -------------------------------------------------------------------------------------------------


def test_after_a_position_come_the_events_behind_it_in_order(stack: Mailbox, inbox: str) -> None:
    before = sequenced(stack.http, 1, inbox_ids=inbox) if occur(stack, inbox, 1) else []
    made = occur(stack, inbox, 3, event_type=types.DELIVERED)
    sequenced(stack.http, 4, inbox_ids=inbox)

    page = stack.http.get("/events", params={"inbox_ids": inbox, "after": before[0]["position"]}).json()

    assert sorted(event["event_id"] for event in page["events"]) == sorted(made)
    positions = [event["position"] for event in page["events"]]
    assert positions == sorted(positions)
    assert page["position"] >= positions[-1]
    assert "next_page_token" not in page


def test_what_was_missed_is_read_in_steps_without_gap_or_double(stack: Mailbox, inbox: str) -> None:
    start = now_at(stack)
    made = occur(stack, inbox, 30)
    sequenced(stack.http, 30, inbox_ids=inbox, limit=100)

    seen: list[str] = []
    after = start
    while len(seen) < 30:
        page = stack.http.get("/events", params={"inbox_ids": inbox, "after": after, "limit": 7}).json()
        seen += [event["event_id"] for event in page["events"]]
        after = page["position"]

    assert sorted(seen) == sorted(made)


def test_a_token_goes_on_where_a_page_ended(stack: Mailbox, inbox: str) -> None:
    start = now_at(stack)
    made = occur(stack, inbox, 5)
    sequenced(stack.http, 5, inbox_ids=inbox)
    params = {"inbox_ids": inbox, "after": start, "limit": 3}

    first = stack.http.get("/events", params=params).json()
    second = stack.http.get("/events", params={**params, "page_token": first["next_page_token"]}).json()

    assert sorted(event["event_id"] for event in first["events"] + second["events"]) == sorted(made)


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "", "9" * 20, "7"])
def test_a_position_that_cannot_be_is_refused(stack: Mailbox, after: str) -> None:
    answer = stack.http.get("/events", params={"after": after})

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_error")
    assert answer.json()["errors"][0]["path"] == ["after"]


def test_a_position_that_is_too_old_says_so(stack: Mailbox, inbox: str) -> None:
    occur(stack, inbox, 1)
    (event,) = sequenced(stack.http, 1, inbox_ids=inbox)
    o, page = organization_id(stack.http), page_of(event["position"])
    row = keys.log_page(o, page)
    appended = (stack.runtime.items.get(row) or {})["ts"]
    stack.runtime.items.update(row, [Set("ts", stack.runtime.clock() - KEPT_MS - 1000)])
    before = (stack.runtime.items.get(row) or {})["before"]

    try:
        answer = stack.http.get("/events", params={"after": before})
    finally:
        stack.runtime.items.update(row, [Set("ts", appended)])

    assert (answer.status_code, answer.json()["code"], answer.json()["name"]) == (400, "position_expired", "PositionExpiredError")
    assert "after" in answer.json()["fix"]


# --- the inbox's own route ----------------------------------------------------------------------------------------------


def test_an_inbox_has_its_part_of_the_log_beside_its_labels(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    made = occur(stack, inbox, 2)
    occur(stack, new_inbox(), 1)
    sequenced(stack.http, 2, inbox_ids=inbox)
    path = f"{stack.backend.http}/v0/inboxes/{inbox}/events"
    raw = stack.http._client

    by_type = raw.get(path, params={"event_types": "message.sent", "ascending": "true"}).json()
    by_position = raw.get(path, params={"after": 0}).json()

    assert [event["event_id"] for event in by_type["events"]] == made
    assert sorted(event["event_id"] for event in by_position["events"]) == sorted(made)
    assert stack.client.inboxes.events.list(inbox).events == []


# --- who may read what --------------------------------------------------------------------------------------------------


def test_filtered_types_are_left_out_without_their_permission_and_refused_by_name(stack: Mailbox, inbox: str) -> None:
    mail(stack, inbox, "Offer", SPAM)
    eventually(lambda: listed(stack.http, inbox_ids=inbox, event_types="message.received.spam"))
    reader = using_key(stack, {"message_read": True})

    refused = reader.get("/events", params={"event_types": "message.received.spam"})

    assert listed(reader, inbox_ids=inbox) == []
    assert listed(reader, inbox_ids=inbox, after=0) == []
    assert [event["event_type"] for event in listed(stack.http, inbox_ids=inbox)] == ["message.received.spam"]
    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")


def test_events_need_the_permission_to_read_messages(stack: Mailbox) -> None:
    answer = using_key(stack, {"inbox_read": True}).get("/events", params={"after": "nonsense"})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")


def test_narrow_keys_see_what_is_theirs(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    pod_id = new_pod(stack)
    of_pod, of_inbox = using_pod_key(stack, pod_id), using_key(stack, inbox_id=inbox)
    in_pod = of_pod.post("/inboxes", {}).json()["inbox_id"]
    mine, theirs = occur(stack, inbox, 2), occur(stack, in_pod, 2)
    of_organization = occur(stack, inbox, 1, inbox_id=None, pod_id=None, event_type=types.DOMAIN_VERIFIED, payload=DOMAIN)
    eventually(lambda: set(of_organization) <= {e["event_id"] for e in listed(stack.http, limit=250) if "position" in e})

    assert sorted(ids(of_inbox)) == sorted(ids(of_inbox, after=0)) == sorted(mine)
    assert sorted(ids(of_pod)) == sorted(ids(of_pod, after=0)) == sorted(theirs)
    assert of_inbox.get(f"/pods/{pod_id}/events").status_code == 403
    for foreign in ({"inbox_ids": inbox}, {"pod_ids": stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]}):
        assert of_pod.get("/events", params=foreign).status_code == 404


@pytest.mark.parametrize("name", ["inbox_ids", "pod_ids"])
def test_what_belongs_to_others_looks_like_what_is_not_there(stack: Mailbox, inbox: str, name: str) -> None:
    stranger = other_organization(stack)
    foreign = inbox if name == "inbox_ids" else stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    answers = [
        stranger.get("/events", params={name: value, **more}) for value in (foreign, "no@such.one") for more in ({}, {"after": 0})
    ]

    assert len({str(without_request_id(answer)) for answer in answers}) == 1
    assert answers[0].status_code == 404


def test_another_organization_sees_nothing(stack: Mailbox, inbox: str) -> None:
    occur(stack, inbox, 1)
    (event,) = sequenced(stack.http, 1, inbox_ids=inbox)
    stranger = other_organization(stack)

    assert listed(stranger) == []
    assert stranger.get("/events", params={"after": event["position"]}).json()["code"] == "validation_error"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "251"}, "limit"),
        ({"event_types": "message.lost"}, "event_types"),
        ({"inbox_ids": '["a@b.c","d@b.c","e@b.c","f@b.c","g@b.c","h@b.c","i@b.c","j@b.c","k@b.c","l@b.c","m@b.c"]'}, "inbox_ids"),
        ({"page_token": "made-up"}, "page_token"),
    ],
)
def test_bad_parameters_are_named(stack: Mailbox, params: dict[str, str], field: str) -> None:
    answer = stack.http.get("/events", params=params)

    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (400, [[field]])


def test_a_token_belongs_to_its_list(stack: Mailbox, inbox: str) -> None:
    occur(stack, inbox, 3)
    token = stack.http.get("/events", params={"inbox_ids": inbox, "limit": 1}).json()["next_page_token"]

    for more in ({}, {"inbox_ids": inbox, "event_types": "message.sent"}, {"inbox_ids": inbox, "after": 0}):
        assert stack.http.get("/events", params={"limit": 1, "page_token": token, **more}).status_code == 400
