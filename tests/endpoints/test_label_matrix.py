"""Whatever the template routes: what carries a restricted label is not there for a key that may not read it (spec: labels.md,
"Default visibility"; organizations-auth-apikeys.md, "Label visibility permissions")."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from local.template import Route
from mailroom.callers import RESTRICTED_LABELS
from mailroom.keys.permissions import PERMISSIONS
from tests.openapi import telling_routes
from tests.support.fakes import Receiver
from tests.support.identity import organization_id, other_organization, without_request_id
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict
from tests.support.tenants import (
    Tenant,
    ask,
    body_of,
    caller_for,
    function_of,
    furnished,
    name_of,
    narrow_key,
    own_ids,
    parameters,
    random_like,
    references,
)

ROUTES = [route for route in telling_routes() if "read_polled_events" not in route.function.module]
"""A polling token has no permissions: what it hears was decided when it was made."""
READING = [route for route in ROUTES if route.method == "GET" or function_of(route) == "batch_get_messages"]
TARGETED = [route for route in ROUTES if parameters(route).keys() & {"message_id", "thread_id"}]
INCLUDED = {f"include_{label}": "true" for label in RESTRICTED_LABELS}

SHOWING = {
    *("list_messages", "batch_get_messages", "get_message", "get_message_attachment", "get_raw_message"),
    *("list_threads", "get_thread", "get_thread_attachment", "list_events"),
}
"""Functions known to show messages: a check that the others are asked the right thing."""

TOLD_BEFORE: Mapping[tuple[str, str], str] = {
    ("list_events", "trash"): "arrived as an ordinary message, and was told of as one; a label changed later changes no event",
}
"""(function, label) -> why an answer shows the message all the same (spec: events.md, "none for drafts, labels or trash";
docs/events.md)."""


@dataclass
class Hidden:
    """A tenant with messages that carry a label: alone in a thread, amid ordinary ones, at the start of such, and beside one that
    is hidden for another reason."""

    label: str
    tenant: Tenant
    """Its ids are those of the message that stands alone."""
    mixed: tuple[str, ...]
    """Threads with other messages besides."""
    marks: tuple[str, ...]
    """What stands in no answer to the reader: ids, subjects, previews."""
    keeper: Strict
    """May do everything."""
    reader: Strict
    """May do everything but read the label."""


@pytest.fixture(scope="module", params=RESTRICTED_LABELS)
def hidden(request: pytest.FixtureRequest, sqlite_stack: Mailbox) -> Hidden:
    stack, label = sqlite_stack, str(request.param)
    stack.runtime.poster = Receiver()
    tenant = furnished(stack, other_organization(stack))
    mark, another = f"mark{uuid.uuid4().hex}", "spam" if label != "spam" else "blocked"
    threads = {tenant.own("thread_id"): "unread", str(uuid.uuid4()): "unread", str(uuid.uuid4()): another}
    alone, *others = (put(stack, tenant, thread_id, label, mark) for thread_id in (None, *threads))
    for thread_id, beside in threads.items():
        put(stack, tenant, thread_id, beside, "")
    for each in tenant.ids.values():
        each |= alone
    marks = (mark, *alone.values(), *(each[name] for each in others for name in ("message_id", "attachment_id")))
    reader = narrow_key(stack, tenant, "organization", {each: each != f"label_{label}_read" for each in PERMISSIONS})
    return Hidden(label, tenant, tuple(threads), marks, tenant.http, reader)


def put(stack: Mailbox, tenant: Tenant, thread_id: str | None, label: str, mark: str) -> dict[str, str]:
    """A message with the label, as its mail would have been stored, and whose texts are the mark; its ids."""
    file, o = str(uuid.uuid4()), organization_id(tenant.http)
    made = seed(
        stack.runtime,
        o,
        tenant.own("inbox_id"),
        thread_id=thread_id,
        labels={"received", "unread", label},
        event_type="message.received" if label in ("trash", "unread") else f"message.received.{label}",
        files={file: b"x"},
        subject=mark,
        preview=mark,
    )
    return {"message_id": made["message_id"], "thread_id": made["thread_id"], "attachment_id": file}


def seen(http: Strict, route: Route, hidden: Hidden, **other: str) -> list[str]:
    """Which of the marks an answer shows."""
    tenant = hidden.tenant
    ids = own_ids(route, tenant) | {name: value for name, value in other.items() if name in parameters(route)}
    text = ask(caller_for(route, tenant, http), route, ids, body_of(route, tenant), INCLUDED).text
    return [mark for mark in hidden.marks if mark.strip("<>") in text]


@pytest.mark.parametrize("route", READING, ids=name_of)
def test_no_answer_shows_what_the_key_may_not_read(hidden: Hidden, route: Route) -> None:
    if function_of(route) in SHOWING:
        eventually(lambda: seen(hidden.keeper, route, hidden))

    if (function_of(route), hidden.label) in TOLD_BEFORE:
        assert seen(hidden.reader, route, hidden) != []
        return
    assert seen(hidden.reader, route, hidden) == []
    assert [seen(hidden.reader, route, hidden, thread_id=each) for each in hidden.mixed] == [[], [], []]


@pytest.mark.parametrize("query", [{"after": "0"}, {"event_types": "message.received"}], ids=lambda query: next(iter(query)))
def test_an_inboxs_part_of_the_log_shows_no_filtered_mail(hidden: Hidden, query: dict[str, str]) -> None:
    """The log on the path of the label events, which the contract does not know."""
    if hidden.label == "trash":
        return
    path = f"/inboxes/{hidden.tenant.own('inbox_id')}/events"
    eventually(lambda: hidden.marks[0] in hidden.keeper._client.get(path, params={"after": "0"}).text)

    answer = hidden.reader._client.get(path, params=query)

    assert answer.status_code == 200
    assert [mark for mark in hidden.marks if mark.strip("<>") in answer.text] == []


@pytest.mark.parametrize("route", TARGETED, ids=name_of)
def test_what_is_hidden_answers_like_what_is_not_there(hidden: Hidden, route: Route) -> None:
    own, body = own_ids(route, hidden.tenant), body_of(route, hidden.tenant)
    random = {name: random_like(value) if name in ("message_id", "thread_id") else value for name, value in own.items()}

    answers = [ask(hidden.reader, route, ids, body) for ids in (own, random)]

    assert answers[0].status_code == 404
    assert without_request_id(answers[0]) == without_request_id(answers[1])


@pytest.mark.parametrize("route", [route for route in ROUTES if "message_id" in references(route).values()], ids=name_of)
def test_what_is_hidden_cannot_be_referred_to(hidden: Hidden, route: Route) -> None:
    own = own_ids(route, hidden.tenant)
    for name in (name for name, kind in references(route).items() if kind == "message_id"):
        asked = hidden.tenant.own("message_id")
        values = [[each] if name == "message_ids" else each for each in (asked, random_like(asked))]

        answers = [ask(hidden.reader, route, own, {**(body_of(route, hidden.tenant) or {}), name: value}) for value in values]

        assert without_request_id(answers[0]) == without_request_id(answers[1])


@pytest.mark.parametrize("route", [route for route in ROUTES if function_of(route) == "update_thread"], ids=name_of)
def test_a_restricted_label_is_neither_added_nor_removed(hidden: Hidden, route: Route) -> None:
    ids = own_ids(route, hidden.tenant) | {"thread_id": hidden.mixed[0]}
    for change in ("add_labels", "remove_labels"):
        answer = ask(hidden.reader, route, ids, {change: [hidden.label]})

        assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
        assert f"label_{hidden.label}_read" in answer.json()["fix"]


@pytest.mark.parametrize("route", [route for route in ROUTES if function_of(route) == "delete_thread"], ids=name_of)
def test_only_who_reads_the_trash_puts_into_it(hidden: Hidden, route: Route) -> None:
    if hidden.label != "trash":
        return
    ids = own_ids(route, hidden.tenant) | {"thread_id": hidden.mixed[0]}

    answer = ask(hidden.reader, route, ids, query={"permanent": "false"})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
    assert "label_trash_read" in answer.json()["fix"]


@pytest.mark.parametrize("function", ["list_events", "create_webhook", "update_webhook", "create_polling_webhook"])
def test_filtered_mail_is_not_heard_of(hidden: Hidden, function: str) -> None:
    """There is no event for trash: nothing to hear of."""
    if hidden.label == "trash":
        return
    event_type = f"message.received.{hidden.label}"
    for route in (route for route in ROUTES if function_of(route) == function):
        body = body_of(route, hidden.tenant)
        asked = None if body is None else {**body, "event_types": [event_type]}
        query = {"event_types": event_type} if body is None else None

        answer = ask(hidden.reader, route, own_ids(route, hidden.tenant), asked, query)

        assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
        assert f"label_{hidden.label}_read" in answer.json()["fix"]
