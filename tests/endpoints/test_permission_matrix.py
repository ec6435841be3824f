"""Every endpoint with every permission it needs: refused for exactly the one that lacks, served with no more than these.

Routes come from template.yaml, their permissions from the contract and the extensions (spec: organizations-auth-apikeys.md,
"Permission per endpoint"; errors.md, "Order of evaluation").
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from local.template import Route
from mailroom.keys.permissions import PERMISSIONS
from tests.openapi import endpoint_of, telling_routes
from tests.support.fakes import Receiver
from tests.support.identity import other_organization
from tests.support.stacks import Mailbox, Strict
from tests.support.tenants import (
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
    random_like,
)

ROUTES = telling_routes()
ORGANIZATION_READ = "organization_read"
"""Comes with a key of organization scope, and with nothing else."""
AGENT_VERIFY = "agent_verify"
"""Comes with an organization that is not verified yet, and with nothing else."""

MORE = dict.fromkeys(("reply_to_message", "reply_all_to_message", "forward_message"), ("message_read",))
"""What the specification wants beyond the one permission for which the contract has room."""

FOR_THE_SAMPLE: Mapping[str, tuple[str, ...]] = {
    # A key grants no more than it has.
    "create_api_key": ("message_read", "message_send"),
    # Whoever subscribes must be allowed to hear (events.md, "Needs").
    **dict.fromkeys(("create_webhook", "update_webhook", "create_polling_webhook"), ("message_read",)),
}
"""What is needed because of what the sample's body asks for, and looked at after it."""

REFUSED = {
    # Labs do not exist yet (organizations-auth-apikeys.md).
    "join_labs": "forbidden",
    # The tenant's key is unrestricted, so changing it takes an unrestricted one ("Update").
    "update_api_key": "unrestricted_key_required",
    # The tenant's organization is not an agent's ("Agent sign-up").
    **dict.fromkeys(("attach_human", "verify_agent"), "missing_permission"),
}
"""Endpoints that refuse any restricted key, whatever its permissions, with another code."""


def needed(route: Route) -> tuple[str, ...]:
    endpoint = endpoint_of(route)
    first = endpoint["permission"] or endpoint.get("implicit_permission")
    return (*((first,) if first else ()), *MORE.get(function_of(route), ()))


CELLS = [(route, permission) for route in ROUTES for permission in needed(route)]
FORBIDDEN_BY_SCOPE = {
    "pod": {ORGANIZATION_READ, AGENT_VERIFY, "pod_create", "pod_delete"},
    "inbox": {
        ORGANIZATION_READ,
        AGENT_VERIFY,
        "inbox_create",
        "inbox_delete",
        *(each for each in PERMISSIONS if each.startswith(("pod_", "domain_"))),
    },
}


def name(value: object) -> str:
    return name_of(value) if isinstance(value, Route) else str(value)


def is_prefix(route: Route, parameter: str) -> bool:
    """Whether it only says where to look for the target."""
    return parameter in ("pod_id", "inbox_id") and f"{{{parameter}}}/" in route.path


class Desk:
    """A tenant, and keys of it by what they are granted."""

    def __init__(self, stack: Mailbox) -> None:
        self.stack = stack
        self.tenant = furnished(stack, other_organization(stack))
        self.without = cache(self._without)
        self.narrow = cache(lambda scope: narrow_key(stack, self.tenant, scope))

    def _without(self, permission: str) -> Strict:
        return narrow_key(self.stack, self.tenant, "organization", {each: each != permission for each in PERMISSIONS})

    def changing(self, route: Route) -> Tenant:
        """A tenant that may be changed by the route."""
        return self.tenant if route.method == "GET" else furnished(self.stack, other_organization(self.stack))


@pytest.fixture(scope="module")
def desk(sqlite_stack: Mailbox) -> Desk:
    sqlite_stack.runtime.poster = Receiver()
    return Desk(sqlite_stack)


def refused_for(permission: str, http: Strict, route: Route, ids: Mapping[str, str]) -> None:
    """Before existence, the query and the body are looked at."""
    body = None if route.method in ("GET", "DELETE") else b"{"

    answer = ask(http, route, ids, body, {"limit": "0"})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission"), answer.text
    assert permission in answer.json()["fix"].replace(",", "").split()


@pytest.mark.parametrize(("route", "permission"), [cell for cell in CELLS if cell[1] != ORGANIZATION_READ], ids=name)
def test_a_key_without_the_permission_is_refused_for_it(desk: Desk, route: Route, permission: str) -> None:
    own = own_ids(route, desk.tenant)

    for ids in ({each: random_like(value) for each, value in own.items()}, own):
        refused_for(permission, desk.without(permission), route, ids)


@pytest.mark.parametrize("scope", ["pod", "inbox"])
@pytest.mark.parametrize(("route", "permission"), CELLS, ids=name)
def test_what_a_scope_rules_out_is_refused_to_an_unrestricted_key(desk: Desk, route: Route, permission: str, scope: str) -> None:
    below_pods, own = "{pod_id}" in route.path, own_ids(route, desk.tenant, scope)
    http = desk.narrow(scope)

    if scope == "inbox" and below_pods:
        answer = ask(http, route, own, body_of(route, desk.tenant))
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    elif permission in FORBIDDEN_BY_SCOPE[scope]:
        refused_for(permission, http, route, own)
    else:
        # What it may do is refused for its malformed request or its unknown target, if at all; nothing is changed by it.
        target = {each: random_like(value) for each, value in own.items() if not is_prefix(route, each)}
        body = None if route.method in ("GET", "DELETE") else b"{"
        answer = ask(http, route, own | target, body)
        assert answer.status_code != 403, answer.text


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_a_key_with_only_what_is_needed_is_served(desk: Desk, route: Route) -> None:
    tenant, function = desk.changing(route), function_of(route)
    if function == "delete_pod":
        empty_pod(tenant)
    granted = {each: True for each in (*needed(route), *FOR_THE_SAMPLE.get(function, ())) if each != ORGANIZATION_READ}
    key = narrow_key(desk.stack, tenant, "organization", granted)

    answer = ask(caller_for(route, tenant, key), route, own_ids(route, tenant), body_of(route, tenant))

    if function in REFUSED:
        assert (answer.status_code, answer.json()["code"]) == (403, REFUSED[function])
    else:
        assert answer.status_code in (200, 204), (name_of(route), answer.text)


@pytest.mark.parametrize(
    ("route", "permission"),
    [
        (route, each)
        for route in ROUTES
        for each in FOR_THE_SAMPLE.get(function_of(route), ())
        if function_of(route) != "create_api_key"
    ],
    ids=name,
)
def test_what_the_body_asks_for_needs_its_permission_too(desk: Desk, route: Route, permission: str) -> None:
    answer = ask(desk.without(permission), route, own_ids(route, desk.tenant), body_of(route, desk.tenant))

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_permission")
    assert answer.json()["message"] == f"{permission} is forbidden"
    assert permission in answer.json()["fix"]
