"""GET /inboxes/search and /pods/{pod_id}/inboxes/search (spec: inboxes.md, "Search")."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from functions.inboxes import search_inboxes
from local.invoke import LambdaContext
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Query
from tests.support.identity import new_pod, organization_id, other_organization, using_key, using_pod_key, without_request_id
from tests.support.stacks import Mailbox, Strict


def mark() -> str:
    """A word that no other test uses."""
    return f"w{uuid.uuid4().hex[:10]}"


def create(http: Strict, username: str, name: str | None = None, path: str = "/inboxes") -> str:
    made = http.post(path, {"username": username, "display_name": name})
    assert made.status_code == 200
    return str(made.json()["inbox_id"])


def search(http: Strict, q: str, path: str = "/inboxes/search", **query: Any) -> list[str]:
    found = http.get(path, params={"q": q, **query})
    assert found.status_code == 200, found.text
    return [inbox["inbox_id"] for inbox in found.json()["inboxes"]]


def pages(http: Strict, q: str, limit: int) -> list[list[str]]:
    found, query = [], {"q": q, "limit": str(limit)}
    while True:
        page = http.get("/inboxes/search", params=query).json()
        assert page["count"] == len(page["inboxes"]) <= page["limit"] == limit
        found.append([inbox["inbox_id"] for inbox in page["inboxes"]])
        if "next_page_token" not in page:
            return found
        query["page_token"] = page["next_page_token"]


def entries(stack: Mailbox, inbox_id: str) -> list[str]:
    rows = stack.runtime.items.query(Query("idx", keys.inbox_words(organization_id(stack.http)), 10_000))
    return [row["sk"] for row in rows if keys.index_identity(row["sk"]) == inbox_id]


# --- what is found ------------------------------------------------------------------------------------------------------


def test_a_search_finds_whole_inboxes(stack: Mailbox) -> None:
    word = mark()
    made = stack.http.post("/inboxes", {"username": word, "display_name": "Sales", "metadata": {"a": 1}}).json()

    found = stack.http.get("/inboxes/search", params={"q": word}).json()

    assert found == {"count": 1, "limit": 50, "inboxes": [made]}


def test_words_are_found_by_their_beginnings_and_not_from_their_middle(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, f"a.{word}-desk_7", f"Big{word} Team{word}")

    for q in (word, word[:9], "team" + word, "big" + word, f"{word} des", f"7 {word}", f"{word} mailr team"):
        assert search(stack.http, q) == [inbox], q
    for q in (word[1:], f"{word} esk", f"{word} nothing", f"{word} ailroom", f"{word}x"):
        assert search(stack.http, q) == [], q


def test_case_and_the_encoding_of_accents_do_not_matter(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, word, f"Große Ünïcode {word} Ελλάς हिन्दी 日本")

    for q in ("GROSSE", "grosse", "u\u0308NI\u0308co", "ünï", "ΕΛΛΆΣ", "ελλάς", "हिन्", "日"):
        assert search(stack.http, f"{q} {word.upper()}") == [inbox], q
    for q in ("unicode", "दी", "本"):
        assert search(stack.http, f"{q} {word}") == [], q


def test_a_word_may_go_on_with_any_character(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, f"n{uuid.uuid4().hex[:10]}", f"{word}😀 %23#{word} 100%{word}")

    for q in (word, f"{word}😀", f"%23#{word}", "100%" + word, f"%23 {word}"):
        assert search(stack.http, q) == [inbox], q


def test_words_of_a_name_are_found_with_and_without_punctuation(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, word, "(Support) Jean-Luc O'Brien")

    for q in ("support", "(support)", "jean-l", "luc", "o'b", "brien"):
        assert search(stack.http, f"{q} {word}") == [inbox], q


def test_a_word_longer_than_what_is_indexed_is_compared_as_a_whole(stack: Mailbox) -> None:
    long = mark() + "x" * 100
    inbox = create(stack.http, mark(), long + "a")

    assert search(stack.http, long + "A") == [inbox]
    assert search(stack.http, long + "b") == []


# --- order --------------------------------------------------------------------------------------------------------------


def test_the_exact_address_comes_first_then_local_parts_then_names_newest_first(stack: Mailbox) -> None:
    word = mark()
    domain = stack.runtime.config.domain
    exact = create(stack.http, word)
    local, newer_local = create(stack.http, f"{word}-1"), create(stack.http, f"a.{word}2")
    name = create(stack.http, mark(), f"{word}@{domain}")
    newer_name = create(stack.http, mark(), f"x {word}")
    both = create(stack.http, f"b.{word}", f"{word} {word}s")

    assert search(stack.http, word) == [both, newer_local, local, exact, newer_name, name]
    assert search(stack.http, f"{word}@{domain}".upper()) == [exact, name]


def test_domains_come_last(stack: Mailbox) -> None:
    domain, pod = stack.runtime.config.domain.split(".")[0], new_pod(stack)
    of_pod = using_pod_key(stack, pod)
    named = create(of_pod, mark(), domain)
    local = create(of_pod, f"{domain}-{mark()}", domain)
    plain = create(of_pod, mark())

    assert search(of_pod, domain) == [local, named, plain]


def test_pages_of_one_go_through_all_in_order_and_show_each_once(stack: Mailbox) -> None:
    word = mark()
    exact = create(stack.http, word, word)
    local = [create(stack.http, f"{word}-{n}", f"{word}x {word}y") for n in range(3)]
    named = [create(stack.http, mark(), f"{word}x {word}y {word}{n}") for n in range(2)]
    expected = [*reversed(local), exact, *reversed(named)]

    found = pages(stack.http, word, 1)
    of_address = pages(stack.http, exact, 1)

    assert [page for page in found if page] == [[inbox] for inbox in expected]
    assert of_address == [[exact]]
    assert [inbox for page in pages(stack.http, word, 4) for inbox in page] == expected
    assert search(stack.http, word, limit=6) == expected


@pytest.mark.parametrize("window", [5, 50])
def test_a_hit_behind_many_others_is_reached_over_pages_that_may_be_empty(
    sqlite_stack: Mailbox, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr("mailroom.inboxes.search.BATCH", 2)
    monkeypatch.setattr("mailroom.inboxes.search.WINDOW", window)
    word = mark()
    wanted = create(sqlite_stack.http, f"a-{word}", f"{word}a zz")
    for n in range(40):
        create(sqlite_stack.http, f"{word}{n}")

    found = pages(sqlite_stack.http, f"{word} zz", 1)

    assert [page for page in found if page] == [[wanted]]
    assert len(found) > 1


def test_inboxes_that_come_and_go_meanwhile_do_not_disturb_the_pages(
    sqlite_stack: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailroom.inboxes.search.WINDOW", 4)
    http, word = sqlite_stack.http, mark()
    made = [create(http, f"{word}{n}") for n in range(9)]
    first = http.get("/inboxes/search", params={"q": word, "limit": "1"}).json()
    http.delete(f"/inboxes/{made[0]}")
    create(http, f"{word}0a")

    found, query = [first["inboxes"][0]["inbox_id"]], {"q": word, "limit": "1", "page_token": first["next_page_token"]}
    while query["page_token"]:
        page = http.get("/inboxes/search", params=query).json()
        found += [inbox["inbox_id"] for inbox in page["inboxes"]]
        query["page_token"] = page.get("next_page_token", "")

    assert sorted(found) == sorted(made[1:])


# --- who finds what -----------------------------------------------------------------------------------------------------


def test_another_organization_finds_nothing(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, word, word)
    foreign = other_organization(stack)

    assert search(foreign, word) == search(foreign, inbox) == []


def test_a_pod_finds_its_own(stack: Mailbox) -> None:
    word, pod = mark(), new_pod(stack)
    elsewhere = create(stack.http, f"{word}-1", word)
    inside = create(stack.http, f"{word}-2", word, f"/pods/{pod}/inboxes")
    of_pod = using_pod_key(stack, pod)

    assert search(stack.http, word) == [inside, elsewhere]
    assert search(stack.http, word, f"/pods/{pod}/inboxes/search") == [inside]
    assert search(of_pod, word) == search(of_pod, word, f"/pods/{pod}/inboxes/search") == [inside]
    assert search(of_pod, inside) == [inside]
    assert search(of_pod, elsewhere) == search(stack.http, elsewhere, f"/pods/{pod}/inboxes/search") == []


def test_an_inbox_finds_itself(stack: Mailbox) -> None:
    word = mark()
    inbox, other = create(stack.http, f"{word}-1", "Own"), create(stack.http, f"{word}-2")
    own = using_key(stack, inbox_id=inbox)

    assert search(own, word) == search(own, f"{word} own") == search(own, inbox.upper()) == [inbox]
    assert search(own, other) == search(own, f"{word} 2") == []
    assert own.get(f"/pods/{uuid.uuid4()}/inboxes/search", params={"q": word}).status_code == 403


def test_a_pod_that_is_not_there_is_not_found(stack: Mailbox) -> None:
    missing = stack.http.get(f"/pods/{uuid.uuid4()}/inboxes/search", params={"q": "word"})
    foreign = using_pod_key(stack, new_pod(stack)).get(f"/pods/{new_pod(stack)}/inboxes/search", params={"q": "word"})

    assert missing.status_code == 404
    assert without_request_id(missing) == without_request_id(foreign)


def test_a_key_without_the_permission_may_not_search(stack: Mailbox) -> None:
    refused = using_key(stack, {"inbox_read": False}).get("/inboxes/search", params={"q": "x"})

    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")


# --- what changes -------------------------------------------------------------------------------------------------------


def test_a_renamed_inbox_is_found_by_its_new_name_only(stack: Mailbox) -> None:
    old, new = mark(), mark()
    inbox = create(stack.http, mark(), f"{old} same")

    stack.http.patch(f"/inboxes/{inbox}", {"display_name": f"same {new}"})

    assert search(stack.http, new) == [inbox]
    assert search(stack.http, old) == []
    stack.http.patch(f"/inboxes/{inbox}", {"display_name": None})
    assert search(stack.http, new) == []
    assert search(stack.http, inbox.partition("@")[0]) == [inbox]


def test_other_changes_leave_the_words_alone(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, word, "Same")
    before = entries(stack, inbox)

    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused", "metadata": {"a": 1}})

    assert entries(stack, inbox) == before
    assert search(stack.http, f"same {word}") == [inbox]


def test_a_deleted_inbox_is_not_found_and_leaves_no_entries(stack: Mailbox) -> None:
    word = mark()
    inbox = create(stack.http, word, f"{word} x y z")

    stack.http.delete(f"/inboxes/{inbox}")

    assert search(stack.http, word) == search(stack.http, inbox) == []
    assert entries(stack, inbox) == []


def test_an_entry_that_its_inbox_does_not_bear_out_is_passed_over(stack: Mailbox) -> None:
    word, stale = mark(), mark()
    inbox = create(stack.http, word)
    sort = next(sort for sort in entries(stack, inbox) if word in sort.split("#")[1])
    for wrong in (sort.replace(f"#{word}#", f"#{stale}#"), sort.replace("#1", "#0")):
        stack.runtime.items.put(keys.Key("idx", keys.inbox_words(organization_id(stack.http)), wrong), {})

    assert search(stack.http, stale) == []
    assert search(stack.http, word) == [inbox]


def test_the_longest_names_are_created_renamed_and_deleted(stack: Mailbox) -> None:
    local = ".".join(uuid.uuid4().hex)[:63]
    first = " ".join(f"{n:02}-x" for n in range(51))
    inbox = create(stack.http, local, first)

    renamed = stack.http.patch(f"/inboxes/{inbox}", {"display_name": first.replace("x", "y")})

    assert renamed.status_code == 200
    assert len(entries(stack, inbox)) <= 40
    assert stack.http.delete(f"/inboxes/{inbox}").status_code == 204


# --- what is refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "x"}, "q"),
        ({"q": "x" * 257}, "q"),
        ({"q": "   "}, "q"),
        ({"q": "word", "limit": "0"}, "limit"),
        ({"q": "word", "limit": "101"}, "limit"),
        ({"q": "word", "page_token": "nonsense"}, "page_token"),
    ],
)
@pytest.mark.parametrize("of_pod", [False, True])
def test_what_is_malformed_is_refused(stack: Mailbox, query: dict[str, str], field: str, of_pod: bool) -> None:
    pod = stack.http.get("/pods").json()["pods"][0]["pod_id"]

    refused = stack.http.get(f"/pods/{pod}/inboxes/search" if of_pod else "/inboxes/search", params=query)

    assert refused.status_code == 400
    assert [part["path"] for part in refused.json()["errors"]] == [[field]]


@pytest.mark.parametrize("q", ["xx", "x" * 256, "😀😀", "q " * 128, "@@", "##", "%%", "''", "\x00\x00", "\ufffd\ufffd", "*:* OR"])
def test_any_text_of_the_right_length_may_be_searched_for(stack: Mailbox, q: str) -> None:
    assert search(stack.http, q) == []


def test_bytes_that_are_no_text_do_no_harm(stack: Mailbox) -> None:
    assert stack.http.get("/inboxes/search?q=%ff%fe%ed%a0%80").status_code in (200, 400)


def test_a_token_is_for_the_search_that_issued_it(stack: Mailbox) -> None:
    word = mark()
    for n in range(2):
        create(stack.http, f"{word}-{n}")
    token = stack.http.get("/inboxes/search", params={"q": word, "limit": "1"}).json()["next_page_token"]

    other_words = stack.http.get("/inboxes/search", params={"q": f"{word} 1", "page_token": token})
    the_list = stack.http.get("/inboxes", params={"page_token": token})
    other_key = using_pod_key(stack, new_pod(stack)).get("/inboxes/search", params={"q": word, "page_token": token})

    assert {answer.status_code for answer in (other_words, the_list, other_key)} == {400}


# --- what it costs ------------------------------------------------------------------------------------------------------


def test_a_search_costs_two_trips(stack: Mailbox) -> None:
    word, pod = mark(), new_pod(stack)
    inbox = create(stack.http, word, word, f"/pods/{pod}/inboxes")

    for resource, q in (("/inboxes/search", word), ("/inboxes/search", inbox), ("/pods/{pod_id}/inboxes/search", word)):
        event = {
            "httpMethod": "GET",
            "resource": resource,
            "path": resource.format(pod_id=pod),
            "headers": {"Authorization": f"Bearer {stack.backend.api_key}"},
            "multiValueQueryStringParameters": {"q": [q]},
            "body": None,
        }
        with using(stack.runtime):
            search_inboxes.handler(event, LambdaContext("warm", "1"))
            with metered() as meter:
                answer = search_inboxes.handler(event, LambdaContext("measured", "2"))
        assert word in answer["body"]
        assert meter.trips <= 2
