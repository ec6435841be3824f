"""The entries of allow and block lists at their three scopes: adding, reading, deleting (spec: lists.md, "Endpoints")."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from functions.lists import get_list_entry, list_list_entries
from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.keys.scopes import Route
from mailroom.lists import suppression
from mailroom.lists.record import ListName
from mailroom.lists.service import create_list_entry
from mailroom.store import keys
from mailroom.store.port import Action, Item, Set
from tests.support.identity import (
    new_pod,
    organization_id,
    other_organization,
    trips,
    using_key,
    using_pod_key,
    without_request_id,
)
from tests.support.stacks import Mailbox, Strict

SCOPES = ["organization", "pod", "inbox"]


@pytest.fixture(params=SCOPES)
def scope(request: pytest.FixtureRequest, stack: Mailbox, inbox: str) -> dict[str, str]:
    """The ids that tell a scope: keyword arguments of the key builders."""
    return {"organization": {}, "pod": {"pod_id": new_pod(stack)}, "inbox": {"inbox_id": inbox}}[request.param]


def base(scope: dict[str, str], direction: str = "receive", list_type: str = "block") -> str:
    where = "".join(f"/{'pods' if name == 'pod_id' else 'inboxes'}/{value}" for name, value in scope.items())
    return f"{where}/lists/{direction}/{list_type}"


def address() -> str:
    return f"a{uuid.uuid4().hex}@example.com"


def added(http: Strict, path: str, entry: str, **body: Any) -> dict[str, Any]:
    answer = http.post(path, {"entry": entry, **body})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def paths(answer: httpx.Response) -> list[list[str]]:
    return [error["path"] for error in answer.json()["errors"]]


def entries(http: Strict, path: str) -> list[str]:
    return [each["entry"] for each in http.get(path).json()["entries"]]


def counts(stack: Mailbox, http: Strict, **scope: str) -> Item:
    row = stack.runtime.items.get(keys.list_counts(organization_id(http), **scope)) or {}
    return {name: value for name, value in row.items() if name not in ("pk", "sk") and value}


# --- shape --------------------------------------------------------------------------------------------------------------


def test_a_new_entry_is_shown_whole_on_every_read(stack: Mailbox, scope: dict[str, str]) -> None:
    entry = address()

    made = added(stack.http, base(scope), entry, reason="rude")

    own = {"pod_id": stack.http.get(f"/inboxes/{scope['inbox_id']}").json()["pod_id"]} if "inbox_id" in scope else {}
    assert made == {
        "entry": entry,
        "organization_id": organization_id(stack.http),
        "reason": "rude",
        "direction": "receive",
        "list_type": "block",
        "entry_type": "email",
        "created_at": made["created_at"],
        **own,
        **scope,
    }
    assert stack.http.get(f"{base(scope)}/{entry}").json() == made
    assert made in stack.http.get(base(scope)).json()["entries"]


@pytest.mark.parametrize("direction", ["send", "receive", "reply"])
@pytest.mark.parametrize("list_type", ["allow", "block"])
def test_the_six_lists_are_apart(stack: Mailbox, inbox: str, direction: str, list_type: str) -> None:
    scope = {"inbox_id": inbox}

    made = added(stack.http, base(scope, direction, list_type), "Example.COM")

    assert (made["entry"], made["entry_type"], made["direction"], made["list_type"]) == (
        *("example.com", "domain", direction, list_type),
    )
    found = {(d, t): entries(stack.http, base(scope, d, t)) for d in ("send", "receive", "reply") for t in ("allow", "block")}
    assert [name for name, here in found.items() if here] == [(direction, list_type)]


def test_scopes_are_apart(stack: Mailbox, inbox: str) -> None:
    pod_id, entry = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"], address()
    scopes: list[dict[str, str]] = [{}, {"pod_id": pod_id}, {"inbox_id": inbox}]
    added(stack.http, base({"pod_id": pod_id}), entry)

    found = [stack.http.get(f"{base(each)}/{entry}").status_code for each in scopes]

    assert found == [404, 200, 404]
    assert [entry in entries(stack.http, base(each)) for each in scopes] == [False, True, False]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (" Ann+Tag@Example.COM ", "ann+tag@example.com"),
        ("Mail.Example.org", "mail.example.org"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("ann@münchen.de", "ann@xn--mnchen-3ya.de"),
        ("example.xn--p1ai", "example.xn--p1ai"),
        ("a@localhost", "a@localhost"),
        ("o'hara#%/?@b.org", "o'hara#%/?@b.org"),
    ],
)
def test_an_entry_is_kept_in_one_form_and_found_in_any(stack: Mailbox, inbox: str, given: str, stored: str) -> None:
    path = base({"inbox_id": inbox})

    made = added(stack.http, path, given)

    assert made["entry"] == stored
    assert [stack.http.get(f"{path}/{quote(each, safe='')}").status_code for each in (given, stored, stored.upper())] == [200] * 3


@pytest.mark.parametrize("raw", ["a+b@example.com", "A+B@example.com", "a%2Bb%40example.com"])
def test_a_path_takes_an_entry_raw_or_encoded(stack: Mailbox, inbox: str, raw: str) -> None:
    path = base({"inbox_id": inbox})
    added(stack.http, path, "a+b@example.com")

    assert stack.http.get(f"{path}/{raw}").status_code == 200
    assert stack.http.delete(f"{path}/{raw}").status_code == 204


# --- list ---------------------------------------------------------------------------------------------------------------


def test_pages_go_by_entry(stack: Mailbox, scope: dict[str, str]) -> None:
    path = base(scope, "reply", "allow")
    wanted = sorted(f"{name}{uuid.uuid4().hex}.example.com" for name in ("c", "a", "b", "e", "d"))
    for entry in reversed(wanted):
        added(stack.http, path, entry)
    found: list[str] = []
    token = None

    while True:
        page = stack.http.get(path, params={"limit": 2, **({"page_token": token} if token else {})}).json()
        assert (page["limit"], page["count"]) == (2, len(page["entries"]))
        found += [each["entry"] for each in page["entries"]]
        token = page.get("next_page_token")
        if token is None:
            break

    assert [entry for entry in found if entry in wanted] == wanted
    assert found == sorted(found)
    for entry in wanted:
        stack.http.delete(f"{path}/{entry}")


def test_a_page_goes_on_behind_an_entry_that_is_gone(stack: Mailbox, inbox: str) -> None:
    path = base({"inbox_id": inbox})
    for name in "abc":
        added(stack.http, path, f"{name}.example.com")
    token = stack.http.get(path, params={"limit": 1}).json()["next_page_token"]
    stack.http.delete(f"{path}/a.example.com")

    assert [each["entry"] for each in stack.http.get(path, params={"page_token": token}).json()["entries"]] == [
        *("b.example.com", "c.example.com"),
    ]


def test_a_token_belongs_to_its_list(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    path = base({"inbox_id": inbox})
    for name in "ab":
        added(stack.http, path, f"{name}.example.com")
    token = stack.http.get(path, params={"limit": 1}).json()["next_page_token"]
    others = [base({"inbox_id": inbox}, "send"), base({"inbox_id": inbox}, "receive", "allow"), base({"inbox_id": new_inbox()})]

    answers = [stack.http.get(each, params={"page_token": token}) for each in (*others, base({}))]

    assert [(answer.status_code, paths(answer)) for answer in answers] == [(400, [["page_token"]])] * 4


def test_the_counts_are_no_entry(stack: Mailbox, inbox: str) -> None:
    added(stack.http, base({"inbox_id": inbox}), "a.example.com")

    found = [entries(stack.http, base({"inbox_id": inbox}, d, t)) for d in ("send", "reply") for t in ("allow", "block")]

    assert found == [[]] * 4


# --- syntax -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_unknown_words_in_the_path_are_named_with_what_is_allowed(stack: Mailbox, scope: dict[str, str], method: str) -> None:
    answer = getattr(stack.http, method)(base(scope, "SEND", "deny"))

    assert code(answer) == (400, "validation_error")
    assert [(each["path"], each["message"]) for each in answer.json()["errors"]] == [
        (["direction"], "Input should be one of send, receive, reply"),
        (["type"], "Input should be one of allow, block"),
    ]


@pytest.mark.parametrize("method", ["get", "delete"])
def test_unknown_words_above_an_entry_too(stack: Mailbox, method: str) -> None:
    answer = getattr(stack.http, method)("/lists/receive/deny/a.example.com")

    assert (answer.status_code, paths(answer)) == (400, [["type"]])


def test_path_and_query_are_reported_together(stack: Mailbox) -> None:
    answer = stack.http.get("/lists/up/block", params={"limit": "0"})

    assert (answer.status_code, paths(answer)) == (400, [["direction"], ["limit"]])


@pytest.mark.parametrize(
    "entry",
    [
        *("", " ", "com", "localhost", "a@", "@example.com", "a@@example.com", "a b@example.com", "*.example.com", "example.com."),
        *("-a.example.com", "exa mple.com", "example..com", "Ann <ann@example.com>", "<ann@example.com>", "a@example.com,b@x.com"),
        *("1.2.3.4", "a" * 64 + ".example.com", "é@example.com", "a\u0000@example.com", "http://example.com"),
        *(None, 5, ["a.example.com"], {"a": 1}),
    ],
)
def test_what_is_neither_an_address_nor_a_domain_is_refused(stack: Mailbox, inbox: str, entry: Any) -> None:
    answer = stack.http.post(base({"inbox_id": inbox}), {"entry": entry})

    assert (answer.status_code, paths(answer)) == (400, [["entry"]])


def test_a_body_is_checked_whole(stack: Mailbox, inbox: str) -> None:
    missing = stack.http.post(base({"inbox_id": inbox}))
    both = stack.http.post(base({"inbox_id": inbox}), {"entry": "x", "reason": "r" * 257})

    assert (missing.status_code, paths(missing)) == (400, [["entry"]])
    assert (both.status_code, paths(both)) == (400, [["entry"], ["reason"]])


def test_a_reason_may_be_as_long_as_the_limit_on_either_list(stack: Mailbox, inbox: str) -> None:
    made = [added(stack.http, base({"inbox_id": inbox}, "send", t), "a.example.com", reason="r" * 256) for t in ("allow", "block")]

    assert [each["reason"] for each in made] == ["r" * 256] * 2


# --- again and gone -----------------------------------------------------------------------------------------------------


def test_adding_an_entry_again_returns_it(stack: Mailbox, scope: dict[str, str]) -> None:
    entry = address()
    first = added(stack.http, base(scope), entry, reason="rude")
    before = counts(stack, stack.http, **scope)

    again = [added(stack.http, base(scope), entry.upper(), **body) for body in ({}, {"reason": None}, {"reason": "rude"})]

    assert again == [first] * 3
    assert counts(stack, stack.http, **scope) == before


def test_adding_an_entry_again_takes_the_new_reason(stack: Mailbox, scope: dict[str, str]) -> None:
    entry = address()
    first = added(stack.http, base(scope), entry)

    again = added(stack.http, base(scope), entry, reason="rude")

    assert again == {**first, "reason": "rude"}
    assert stack.http.get(f"{base(scope)}/{entry}").json() == again


def test_many_at_once_make_one(stack: Mailbox, inbox: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: added(stack.http, base({"inbox_id": inbox}), "a.example.com"), range(6)))

    assert [each == made[0] for each in made] == [True] * 6
    assert counts(stack, stack.http, inbox_id=inbox) == {"receive_block": 1}


def test_a_deleted_entry_is_gone(stack: Mailbox, scope: dict[str, str]) -> None:
    entry = address()
    before = counts(stack, stack.http, **scope)
    added(stack.http, base(scope), entry)

    first, second = (stack.http.delete(f"{base(scope)}/{entry}") for _ in range(2))

    assert (first.status_code, second.status_code) == (204, 404)
    assert stack.http.get(f"{base(scope)}/{entry}").status_code == 404
    assert counts(stack, stack.http, **scope) == before


@pytest.mark.parametrize("entry", ["gone.example.com", "no entry at all", "@", "%00"])
def test_an_unknown_entry_is_not_found(stack: Mailbox, scope: dict[str, str], entry: str) -> None:
    path = f"{base(scope)}/{quote(entry, safe='')}"

    assert [code(stack.http.get(path)), code(stack.http.delete(path))] == [(404, "not_found")] * 2


def test_what_the_service_has_added_stays_as_it_is(stack: Mailbox) -> None:
    entry, o = address(), organization_id(stack.http)
    path, before = base({}, "send"), counts(stack, stack.http)
    stack.runtime.items.transact(suppression.suppressing(o, {suppression.key(o, entry): entry}, "bounce", {}, now=1))

    shown = stack.http.get(f"{path}/{entry}").json()
    again = added(stack.http, path, entry, reason="mine")
    deleted = stack.http.delete(f"{path}/{entry}")

    assert (shown["read_only"], shown["reason"]) == (True, "bounce")
    assert again == shown
    assert code(deleted) == (403, "forbidden")
    assert shown in stack.http.get(path).json()["entries"]
    assert counts(stack, stack.http) == before


# --- who may ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("granted", [None, "list_entry_read", "list_entry_create", "list_entry_delete"])
def test_each_method_needs_its_permission(stack: Mailbox, inbox: str, granted: str | None) -> None:
    path = base({"inbox_id": inbox})
    added(stack.http, path, "a.example.com")
    http = using_key(stack, {granted: True} if granted else {})

    answers = {
        "list_entry_read": [http.get(path), http.get(f"{path}/a.example.com")],
        "list_entry_create": [http.post(path, {"entry": "b.example.com"})],
        "list_entry_delete": [http.delete(f"{path}/a.example.com")],
    }

    for permission, found in answers.items():
        for answer in found:
            assert (answer.status_code < 300) == (permission == granted)
            assert granted == permission or permission in answer.json()["fix"]


def test_the_permission_comes_before_syntax_and_existence(stack: Mailbox) -> None:
    http = using_key(stack, {})

    answers = [http.post("/lists/up/down", {}), http.get("/inboxes/nobody@mailroom.local/lists/receive/block")]

    assert [code(answer) for answer in answers] == [(403, "missing_permission")] * 2


@pytest.mark.parametrize("method", ["list", "get", "create", "delete"])
def test_a_foreign_scope_is_answered_like_a_missing_one(
    stack: Mailbox, inbox: str, new_inbox: Callable[[], str], method: str
) -> None:
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]
    strangers = [
        (other_organization(stack), base({"inbox_id": inbox}), base({"inbox_id": "nobody@mailroom.local"})),
        (other_organization(stack), base({"pod_id": pod_id}), base({"pod_id": str(uuid.uuid4())})),
        (using_key(stack, inbox_id=new_inbox()), base({"inbox_id": inbox}), base({"inbox_id": "nobody@mailroom.local"})),
        (using_pod_key(stack, new_pod(stack)), base({"inbox_id": inbox}), base({"inbox_id": "nobody@mailroom.local"})),
        (using_pod_key(stack, new_pod(stack)), base({"pod_id": pod_id}), base({"pod_id": str(uuid.uuid4())})),
    ]
    for path in (base({"inbox_id": inbox}), base({"pod_id": pod_id})):
        added(stack.http, path, "a.example.com")

    def asked(http: Strict, path: str) -> httpx.Response:
        match method:
            case "list":
                return http.get(path)
            case "create":
                return http.post(path, {"entry": "b.example.com"})
            case _:
                return http.request({"get": "GET", "delete": "DELETE"}[method], f"{path}/a.example.com")

    for http, foreign, missing in strangers:
        answers = [without_request_id(asked(http, path)) for path in (foreign, missing)]
        assert answers[0][0] == 404
        assert answers[0] == answers[1]


def test_entries_of_another_organization_are_not_there(stack: Mailbox) -> None:
    entry = address()
    added(stack.http, base({}), entry)
    http = other_organization(stack)

    assert entries(http, base({})) == []
    assert http.get(f"{base({})}/{entry}").status_code == 404
    assert http.delete(f"{base({})}/{entry}").status_code == 404


def test_a_narrow_key_without_a_prefix_means_its_own_scope(stack: Mailbox, inbox: str) -> None:
    pod_id, wide = new_pod(stack), address()
    added(stack.http, base({}), wide)
    keyed = [(using_key(stack, inbox_id=inbox), {"inbox_id": inbox}), (using_pod_key(stack, pod_id), {"pod_id": pod_id})]

    for http, scope in keyed:
        entry = address()
        made = added(http, base({}), entry)

        assert {name: made.get(name) for name in scope} == scope
        assert entries(http, base({})) == [entry]
        assert http.get(f"{base({})}/{entry}").json() == stack.http.get(f"{base(scope)}/{entry}").json() == made
        assert stack.http.get(f"{base({})}/{entry}").status_code == 404
        assert http.delete(f"{base({})}/{wide}").status_code == 404
        assert http.delete(f"{base({})}/{entry}").status_code == 204


def test_an_inbox_key_has_no_pods(stack: Mailbox, inbox: str) -> None:
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    answer = using_key(stack, inbox_id=inbox).get(base({"pod_id": pod_id}))

    assert code(answer) == (403, "forbidden")


# --- counts and limits --------------------------------------------------------------------------------------------------


def test_a_full_list_takes_no_more_until_one_goes(stack: Mailbox, scope: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    path = base(scope, "reply", "block")
    full = counts(stack, stack.http, **scope).get("reply_block", 0) + 2
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(list_entry_limit=full))
    first, second = address(), address()
    added(stack.http, path, first)
    added(stack.http, path, second)

    refused = stack.http.post(path, {"entry": address()})
    again = stack.http.post(path, {"entry": first, "reason": "same"})
    elsewhere = stack.http.post(base(scope, "reply", "allow"), {"entry": first})
    stack.http.delete(f"{path}/{first}")
    room = stack.http.post(path, {"entry": address()})

    assert code(refused) == (403, "limit_exceeded")
    assert [answer.status_code for answer in (again, elsewhere, room)] == [200] * 3


def test_the_limit_holds_however_many_try_at_once(stack: Mailbox, inbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(list_entry_limit=3))
    path = base({"inbox_id": inbox})

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: stack.http.post(path, {"entry": f"a{n}.example.com"}).status_code, range(6)))

    assert sorted(answers) == [200] * 3 + [403] * 3
    assert len(entries(stack.http, path)) == 3


def test_the_organization_counts_what_its_pods_have(stack: Mailbox) -> None:
    http = other_organization(stack)
    pod_id = str(http.post("/inboxes").json()["pod_id"])
    for direction, list_type in (("send", "allow"), ("send", "block"), ("reply", "block")):
        added(http, base({"pod_id": pod_id}, direction, list_type), "a.example.com")
    added(http, base({}, "send", "allow"), "a.example.com")
    http.delete(f"{base({'pod_id': pod_id}, 'send', 'block')}/a.example.com")

    assert counts(stack, http) == {"send_allow": 1, "pods_send": 1, "pods_reply": 1}
    assert counts(stack, http, pod_id=pod_id) == {"send_allow": 1, "reply_block": 1}


def test_many_changes_at_once_leave_the_right_count(stack: Mailbox, inbox: str) -> None:
    path = base({"inbox_id": inbox})

    def churn(number: int) -> None:
        entry = f"a{number % 2}.example.com"
        stack.http.post(path, {"entry": entry})
        if number % 3:
            stack.http.delete(f"{path}/{entry}")

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(churn, range(12)))

    assert counts(stack, stack.http, inbox_id=inbox).get("receive_block", 0) == len(entries(stack.http, path))


@pytest.mark.parametrize("kind", ["pod_id", "inbox_id"])
def test_nothing_is_added_to_what_goes_away_meanwhile(stack: Mailbox, inbox: str, kind: str) -> None:
    """Between the look at it and the transaction."""
    o, items = organization_id(stack.http), stack.runtime.items
    scope = {"inbox_id": inbox} if kind == "inbox_id" else {"pod_id": new_pod(stack)}

    class Late:
        def __getattr__(self, name: str) -> Any:
            return getattr(items, name)

        def transact(self, actions: Sequence[Action]) -> None:
            if kind == "inbox_id":
                items.update(keys.inbox(o, inbox), [Set("state", "deleting")])
            else:
                items.delete(keys.pod(o, scope["pod_id"]))
            items.transact(actions)

    with pytest.raises(NotFound):
        create_list_entry(
            *(Caller(o, "organization", o), Route(**scope), ListName("send", "block"), {"entry": "a.example.com"}),
            **{"items": Late(), "clock": stack.runtime.clock, "config": stack.runtime.config},
        )

    assert counts(stack, stack.http, **scope) == {}


def test_reading_costs_one_trip(stack: Mailbox, inbox: str) -> None:
    added(stack.http, base({}), "a.example.com")
    added(stack.http, base({"inbox_id": inbox}), "a.example.com")
    listed = {"direction": "receive", "type": "block"}

    for prefix, ids in (("", {}), ("/inboxes/{inbox_id}", {"inbox_id": inbox})):
        path = prefix + "/lists/{direction}/{type}"
        assert trips(stack, list_list_entries, path, **listed, **ids) == 1
        assert trips(stack, get_list_entry, path + "/{entry}", **listed, **ids, entry="a.example.com") == 1
