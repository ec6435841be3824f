"""Whatever the template routes: what is another's answers like what is nobody's (spec: README 6, errors.md).

Routes come from template.yaml, so a new endpoint is asked without being named here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from local.template import Route, load
from tests.openapi import ROOT, endpoint_of, telling_routes
from tests.support.fakes import Receiver
from tests.support.identity import organization_id, other_organization, without_request_id
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox, Strict
from tests.support.tenants import (
    SCOPES,
    Tenant,
    ask,
    body_of,
    caller_for,
    empty_pod,
    function_of,
    furnished,
    name_of,
    narrow_key,
    own_ids,
    parameters,
    random_like,
    references,
)

ROUTES = telling_routes()
WITH_IDS = [route for route in ROUTES if parameters(route)]
REFERRING = [route for route in ROUTES if references(route)]
PAGED = [route for route in ROUTES if any(each["name"] == "page_token" for each in endpoint_of(route)["query"])]
LISTS = [route for route in ROUTES if route.method == "GET"]

DIFFERING: Mapping[tuple[str, str], str] = {}
"""(function, parameter) -> where the specification wants another's id to be told from nobody's."""


@dataclass
class View:
    """A caller with what it may see and what it may not."""

    scope: str
    http: Strict
    own: Tenant
    foreign: Tenant


@pytest.fixture(scope="module")
def stack(sqlite_stack: Mailbox) -> Mailbox:
    sqlite_stack.runtime.poster = Receiver()
    return sqlite_stack


@pytest.fixture(scope="module")
def views(stack: Mailbox) -> tuple[View, ...]:
    """Another organization; another pod; another inbox of the same pod."""
    here = furnished(stack, other_organization(stack))
    beside = furnished(stack, here.http, here.own("pod_id"))
    elsewhere = furnished(stack, here.http)
    stranger = furnished(stack, other_organization(stack))
    return (
        View("organization", here.http, here, stranger),
        View("pod", narrow_key(stack, here, "pod"), here, elsewhere),
        View("inbox", narrow_key(stack, here, "inbox"), here, beside),
    )


@pytest.fixture(scope="module")
def read_only(stack: Mailbox) -> Tenant:
    return furnished(stack, other_organization(stack))


def probes(route: Route, view: View) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Ids of the path with something foreign among them, and the same with random ones there."""
    own = own_ids(route, view.own, view.scope)
    kinds = {name: kind for name, kind in parameters(route).items() if (function_of(route), name) not in DIFFERING}
    for name, kind in kinds.items():
        for value in view.foreign.all(kind):
            if value not in view.own.all(kind):
                yield {**own, name: value}, {**own, name: random_like(value)}
    if len(kinds) > 1:
        for scope in SCOPES:
            foreign = {name: view.foreign.own(kind, scope) for name, kind in kinds.items()}
            yield {**own, **foreign}, {**own, **{name: random_like(value) for name, value in foreign.items()}}


def comparable(answer: httpx.Response, asked: Any) -> tuple[int, bytes, list[tuple[str, str]]]:
    """An answer without its request id, and without the id that was asked for where it says it again. What a removal of a foreign
    id changed is the caller's own, and counts as values: it was changed at another time, and its fields may be stored anew."""
    status, content, headers = without_request_id(answer)
    if status == 200 and answer.headers["content-type"] == "application/json":
        content = json.dumps({**answer.json(), "updated_at": None}, sort_keys=True).encode()
    return status, content.replace(json.dumps(asked).strip('"').encode(), b"<asked>"), headers


@pytest.mark.parametrize("route", WITH_IDS, ids=name_of)
def test_the_request_is_a_valid_one(stack: Mailbox, read_only: Tenant, route: Route) -> None:
    """What the others are refused is something that the owner gets: no comparison of two malformed requests."""
    tenant = read_only if route.method == "GET" else furnished(stack, other_organization(stack))
    if function_of(route) == "delete_pod":
        empty_pod(tenant)

    answer = ask(caller_for(route, tenant, tenant.http), route, own_ids(route, tenant), body_of(route, tenant))

    assert answer.status_code in (200, 204), (name_of(route), answer.text)


@pytest.mark.parametrize("route", [route for route in WITH_IDS if route.method == "GET"], ids=name_of)
def test_what_stands_for_an_id_is_a_valid_one(read_only: Tenant, route: Route) -> None:
    """So that a foreign client id is not refused for being none. Some are of another scope than the route's."""
    own, http = own_ids(route, read_only), caller_for(route, read_only, read_only.http)
    for name, kind in parameters(route).items():
        if known := read_only.aliases.get(kind):
            assert 200 in {ask(http, route, {**own, name: each}).status_code for each in known}, name


@pytest.mark.parametrize("route", WITH_IDS, ids=name_of)
def test_a_foreign_id_answers_like_a_random_one(views: tuple[View, ...], route: Route) -> None:
    for view in views:
        http = caller_for(route, view.own, view.http)
        for real, random in probes(route, view):
            answers = [ask(http, route, ids, body_of(route, view.own)) for ids in (real, random)]

            (name,) = [each for each in real if real[each] != random[each]][:1]
            assert comparable(answers[0], real[name]) == comparable(answers[1], random[name]), (view.scope, real)
            assert answers[0].status_code in (401, 403, 404), (view.scope, real, answers[0].text)


def test_routes_that_are_not_crawled_are_the_way_of_ids_with_slashes_and_where_nothing_is_and_the_pixel() -> None:
    """The crawler takes the first, because one message of every tenant has such an id."""
    rest = set(load(ROOT / "template.yaml").routes) - set(ROUTES)

    assert {function_of(route) for route in rest} == {"route_message_path", "refuse_public_keys", "note_open"}


@pytest.mark.parametrize("route", REFERRING, ids=name_of)
def test_a_foreign_id_in_a_body_or_a_query_answers_like_a_random_one(views: tuple[View, ...], route: Route) -> None:
    in_query = {each["name"]: each for each in endpoint_of(route)["query"]}
    in_body = {each["name"]: each for each in endpoint_of(route)["body_fields"]}
    for view in views:
        own = own_ids(route, view.own, view.scope)
        for name, kind in references(route).items():
            for value in set(view.foreign.all(kind)) - set(view.own.all(kind)):
                answers = []
                for each in (value, random_like(value)):
                    listed: Any = [each] if (in_body | in_query)[name]["type"].startswith("list<") else each
                    if name in in_query:
                        answer = ask(view.http, route, own, body_of(route, view.own), {name: json.dumps(listed)})
                    else:
                        answer = ask(view.http, route, own, {**(body_of(route, view.own) or {}), name: listed})
                    answers.append(comparable(answer, each))

                assert answers[0] == answers[1], (view.scope, name, value)


@pytest.mark.parametrize("route", LISTS, ids=name_of)
def test_nothing_foreign_is_in_what_one_reads(views: tuple[View, ...], route: Route) -> None:
    everything = {f"include_{label}": "true" for label in ("spam", "blocked", "unauthenticated", "trash")}
    for view in views:
        foreign = view.foreign.shown() - view.own.shown()

        answer = ask(caller_for(route, view.own, view.http), route, own_ids(route, view.own, view.scope), query=everything)

        assert [each for each in foreign if json.dumps(each).strip('"') in answer.text] == []


@pytest.mark.parametrize("function", sorted({function_of(route) for route in PAGED}))
def test_a_foreign_page_token_answers_like_a_random_one(stack: Mailbox, views: tuple[View, ...], function: str) -> None:
    ours, stranger = views[0].own, views[0].foreign
    seed(stack.runtime, organization_id(ours.http), ours.own("inbox_id"), thread_id=ours.own("thread_id"))
    routes = [route for route in PAGED if function_of(route) == function]

    def tokens() -> list[tuple[Route, str]]:
        pages = [(route, ask(ours.http, route, own_ids(route, ours), query={"limit": "1"}).json()) for route in routes]
        return [(route, page["next_page_token"]) for route, page in pages if "next_page_token" in page]

    for route, token in eventually(tokens):
        nobodys = token[:-8] + "A" * 8
        answers = [ask(stranger.http, route, own_ids(route, stranger), query={"page_token": each}) for each in (token, nobodys)]

        assert answers[0].status_code == 400
        assert comparable(answers[0], token) == comparable(answers[1], nobodys)


def test_the_strangers_things_are_as_they_were(stack: Mailbox, views: tuple[View, ...]) -> None:
    """After all of the above, or alone: each is still found by its owner."""
    for view in views:
        for route in LISTS:
            http = caller_for(route, view.foreign, view.foreign.http)
            answer = ask(http, route, own_ids(route, view.foreign))
            assert answer.status_code == 200, (view.scope, name_of(route))
