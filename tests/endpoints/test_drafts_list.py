"""Lists of drafts: order, filters, pages, scopes (spec: drafts.md, "List"; README, "Pagination")."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.drafts import ahead, at, changed, listed, made, paths, refusal, taken
from tests.support.identity import new_pod, other_organization, using_key, using_pod_key
from tests.support.stacks import Mailbox

DETAILS = ("client_id", "reply_to", "text", "html", "references", "created_at")


@pytest.fixture
def three(stack: Mailbox, inbox: str) -> list[str]:
    """Oldest first."""
    return [made(stack, inbox, subject=f"{number}")["draft_id"] for number in range(3)]


def test_an_item_is_a_draft_without_its_details(stack: Mailbox, inbox: str) -> None:
    given: dict[str, Any] = {"to": ["b@example.com"], "cc": ["c@example.com"], "bcc": ["d@example.com"], "subject": "Hi"}
    more: dict[str, Any] = {"reply_to": "e@example.com", "html": "<p>x", "client_id": f"c-{inbox.partition('@')[0]}"}
    draft = made(stack, inbox, **given, **more, text="Hallo", attachments=[{"content": "eA=="}], send_at=ahead(hours=1))

    [item] = taken(stack.http.get(at(inbox)))["drafts"]

    assert item == {name: value for name, value in draft.items() if name not in DETAILS}
    assert item["send_status"] == "scheduled"


def test_the_one_changed_last_comes_first(stack: Mailbox, inbox: str, three: list[str]) -> None:
    assert listed(stack.http, at(inbox)) == three[::-1]

    changed(stack, inbox, {"draft_id": three[0]}, subject="new")

    assert listed(stack.http, at(inbox)) == [three[0], three[2], three[1]]
    assert listed(stack.http, at(inbox), ascending="true") == [three[1], three[2], three[0]]


@pytest.mark.parametrize("ascending", ["true", "false"])
def test_pages_of_one_show_each_draft_once(stack: Mailbox, inbox: str, three: list[str], ascending: str) -> None:
    found: list[str] = []
    token: dict[str, str] = {}
    while True:
        page = taken(stack.http.get(at(inbox), params={"limit": 1, "ascending": ascending, **token}))
        found += [draft["draft_id"] for draft in page["drafts"]]
        assert (page["limit"], page["count"]) == (1, len(page["drafts"]))
        if "next_page_token" not in page:
            break
        token = {"page_token": page["next_page_token"]}

    assert found == (three if ascending == "true" else three[::-1])


def test_without_a_limit_a_page_has_fifty(stack: Mailbox, inbox: str) -> None:
    assert taken(stack.http.get(at(inbox))) == {"count": 0, "limit": 50, "drafts": []}


def test_all_labels_must_be_there(stack: Mailbox, inbox: str) -> None:
    both = made(stack, inbox, labels=["a", "B"])["draft_id"]
    one = made(stack, inbox, labels=["a"])["draft_id"]
    made(stack, inbox)

    assert listed(stack.http, at(inbox), labels='["A"]') == [one, both]
    assert listed(stack.http, at(inbox), labels='["a", "b"]') == [both]
    assert listed(stack.http, at(inbox), labels="b") == [both]
    assert listed(stack.http, at(inbox), **{"labels[]": ["a", "b"]}) == [both]
    assert listed(stack.http, at(inbox), labels='["a", "c"]') == []


def test_labels_are_found_where_they_are_now(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, labels=["old"])
    changed(stack, inbox, draft, add_labels=["new"], remove_labels=["old"])

    assert listed(stack.http, at(inbox), labels="old") == []
    assert listed(stack.http, at(inbox), labels="new") == [draft["draft_id"]]


def test_scheduled_drafts_are_a_label(stack: Mailbox, inbox: str) -> None:
    made(stack, inbox)
    draft = made(stack, inbox, send_at=ahead(hours=1), labels=["a"])

    assert listed(stack.http, at(inbox), labels='["scheduled"]') == [draft["draft_id"]]
    assert listed(stack.http, at(inbox), labels='["scheduled", "a"]') == [draft["draft_id"]]
    changed(stack, inbox, draft, send_at=None)
    assert listed(stack.http, at(inbox), labels='["scheduled"]') == []


def test_bounds_are_exclusive_and_on_the_last_change(stack: Mailbox, inbox: str, three: list[str]) -> None:
    stamps = {each["draft_id"]: each["updated_at"] for each in taken(stack.http.get(at(inbox)))["drafts"]}
    middle = stamps[three[1]]

    assert listed(stack.http, at(inbox), after=middle) == [three[2]]
    assert listed(stack.http, at(inbox), before=middle) == [three[0]]
    assert listed(stack.http, at(inbox), before=stamps[three[2]], after=stamps[three[0]]) == [three[1]]
    changed(stack, inbox, {"draft_id": three[0]}, subject="new")
    assert listed(stack.http, at(inbox), after=stamps[three[2]]) == [three[0]]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "101"),
        ("limit", "ten"),
        ("ascending", "yes"),
        ("before", "soon"),
        ("after", "2030-13-01"),
        ("page_token", "x"),
        ("labels", '[""]'),
    ],
)
def test_a_malformed_parameter_is_named(stack: Mailbox, inbox: str, name: str, value: str) -> None:
    assert paths(stack.http.get(at(inbox), params={name: value})) == [[name]]


@pytest.mark.usefixtures("three")
def test_a_token_is_good_for_the_list_it_came_from(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    token = taken(stack.http.get(at(inbox), params={"limit": 1}))["next_page_token"]
    narrow = using_key(stack, {"draft_read": True}, inbox_id=inbox)

    for path, more in (
        (at(new_inbox()), {}),
        ("/drafts", {}),
        (f"/inboxes/{inbox}/messages", {}),
        (at(inbox), {"labels": '["a"]'}),
        (at(inbox), {"before": ahead(hours=1)}),
        (at(inbox), {"ascending": "true"}),
    ):
        assert paths(stack.http.get(path, params={"limit": 1, "page_token": token, **more})) == [["page_token"]]
    assert paths(narrow.get(at(inbox), params={"limit": 1, "page_token": token})) == [["page_token"]]
    assert stack.http.get(at(inbox), params={"limit": 1, "page_token": token}).status_code == 200


# --- scopes -------------------------------------------------------------------------------------------------------------


def test_each_scope_lists_its_drafts(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    other, label = new_inbox(), inbox.partition("@")[0]
    here, there = made(stack, inbox, labels=[label])["draft_id"], made(stack, other, labels=[label])["draft_id"]
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    assert listed(stack.http, at(inbox), labels=label) == [here]
    assert listed(stack.http, "/drafts", labels=label) == [there, here]
    assert listed(stack.http, f"/pods/{pod_id}/drafts", labels=label) == [there, here]
    assert listed(stack.http, f"/pods/{pod_id}/drafts", labels=label, ascending="true") == [here, there]
    assert listed(stack.http, f"/pods/{new_pod(stack)}/drafts", labels=label) == []


def test_pages_go_over_inboxes(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    label, inboxes = inbox.partition("@")[0], [inbox, new_inbox()]
    drafts = [made(stack, inboxes[number % 2], labels=[label])["draft_id"] for number in range(4)]

    first = taken(stack.http.get("/drafts", params={"labels": json.dumps([label]), "limit": 3}))
    rest = {"labels": json.dumps([label]), "limit": 3, "page_token": first["next_page_token"]}

    assert [each["draft_id"] for each in first["drafts"]] == drafts[:0:-1]
    assert listed(stack.http, "/drafts", **rest) == drafts[:1]


def test_a_narrow_key_lists_what_it_reaches(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    other, label = new_inbox(), inbox.partition("@")[0]
    here, there = made(stack, inbox, labels=[label])["draft_id"], made(stack, other, labels=[label])["draft_id"]
    pod_id, second = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"], new_pod(stack)
    of_inbox, of_pod, of_second = using_key(stack, inbox_id=inbox), using_pod_key(stack, pod_id), using_pod_key(stack, second)

    assert listed(of_inbox, "/drafts", labels=label) == listed(of_inbox, at(inbox), labels=label) == [here]
    assert listed(of_pod, "/drafts", labels=label) == listed(of_pod, f"/pods/{pod_id}/drafts", labels=label) == [there, here]
    assert listed(of_second, "/drafts", labels=label) == []
    assert refusal(of_inbox.get(at(other))) == (404, "not_found")
    assert refusal(of_inbox.get(f"/pods/{pod_id}/drafts")) == (403, "forbidden")
    assert refusal(of_second.get(f"/pods/{pod_id}/drafts")) == (404, "not_found")
    assert refusal(of_second.get(at(inbox))) == (404, "not_found")


def test_nothing_is_listed_of_what_is_not_there(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, labels=["a"])
    other = other_organization(stack)

    assert refusal(stack.http.get("/pods/unknown/drafts")) == (404, "not_found")
    assert refusal(stack.http.get(at("nobody@mailroom.local"))) == (404, "not_found")
    assert refusal(other.get(at(inbox))) == (404, "not_found")
    assert draft["draft_id"] not in listed(other, "/drafts")
