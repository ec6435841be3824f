"""What drafts cost in sequential store trips (docs/data.md, "Lists"; docs/flows.md, "Mail out")."""

from __future__ import annotations

from typing import Any

import pytest

from functions.drafts import create_draft, get_draft, list_drafts, send_draft, update_draft
from mailroom.runtime import using
from mailroom.store.meter import metered
from tests.support.drafts import at, made, received
from tests.support.identity import trips
from tests.support.stacks import Mailbox

BELOW, ONE = "/inboxes/{inbox_id}/drafts", "/inboxes/{inbox_id}/drafts/{draft_id}"


def test_making_a_draft_takes_two_trips_of_whatever_kind(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)["message_id"]

    for body in ({}, {"to": "b@example.com", "text": "x"}, {"in_reply_to": parent}, {"forward_of": parent}):
        assert trips(stack, create_draft, BELOW, method="POST", body=body, inbox_id=inbox) == 2


def test_reading_a_draft_takes_one_trip_and_another_to_find_its_inbox(stack: Mailbox, inbox: str) -> None:
    draft_id = made(stack, inbox, text="x")["draft_id"]

    assert trips(stack, get_draft, ONE, inbox_id=inbox, draft_id=draft_id) == 1
    assert trips(stack, get_draft, "/drafts/{draft_id}", draft_id=draft_id) == 2


def test_listing_drafts_takes_two_trips(stack: Mailbox, inbox: str) -> None:
    for _ in range(3):
        made(stack, inbox)
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    assert trips(stack, list_drafts, BELOW, inbox_id=inbox) == 2
    assert trips(stack, list_drafts, "/drafts") == 2
    assert trips(stack, list_drafts, "/pods/{pod_id}/drafts", pod_id=pod_id) == 2


def test_changing_a_draft_takes_two_trips(stack: Mailbox, inbox: str) -> None:
    draft_id = made(stack, inbox, text="x")["draft_id"]

    for body in ({"subject": "y"}, {"text": "y"}, {"add_labels": ["a"]}):
        assert trips(stack, update_draft, ONE, method="PATCH", body=body, inbox_id=inbox, draft_id=draft_id) == 2


@pytest.mark.parametrize(("source", "expected"), [(None, 4), ("in_reply_to", 4), ("forward_of", 5)])
def test_sending_a_draft_takes_four_trips_and_another_for_what_is_forwarded(
    stack: Mailbox, inbox: str, source: str | None, expected: int
) -> None:
    """Draft; thread and lists; beginning the send; storing the message."""
    body: dict[str, Any] = {source: received(stack, inbox)["message_id"]} if source else {}
    draft = made(stack, inbox, to="b@example.com", text="x", **body)
    event = {
        "httpMethod": "POST",
        "resource": f"{ONE}/send",
        "path": at(inbox, draft, "/send"),
        "headers": {"Authorization": f"Bearer {stack.backend.api_key}"},
        "body": None,
    }

    with using(stack.runtime), metered() as meter:
        answer = send_draft.handler(event, None)

    assert (answer["statusCode"], meter.trips) == (200, expected), answer
