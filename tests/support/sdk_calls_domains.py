"""Calls of the domains' SDK methods, at organization and pod."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import Method, Scene, call

Place = tuple[str, ...]
DomainCall = Callable[[Method, Scene, Any, Place], None]


def at_both(name: str) -> Callable[[DomainCall], DomainCall]:
    """Registers a function for both scopes; it gets the scope's client and the ids that go before."""

    def note(function: DomainCall) -> DomainCall:
        call(f"domains.{name}")(lambda method, scene: function(method, scene, scene.mailbox.client.domains, ()))
        of_pod = attrgetter("mailbox.client.pods.domains")
        call(f"pods.domains.{name}")(lambda method, scene: function(method, scene, of_pod(scene), (scene.pod,)))
        return function

    return note


def new_name() -> str:
    return f"{uuid.uuid4().hex}.example.com"


@at_both("create")
def _(create: Method, scene: Scene, client: Any, place: Place) -> None:
    name = new_name()
    flags = {"feedback_enabled": False, "inbound_enabled": False, "subdomains_enabled": True, "tracking_enabled": True}
    made = create(*place, domain=name, allow_conflicting_provider=True, **flags)
    assert (made.domain_id, made.domain, made.status, made.pod_id) == (name, name, "NOT_STARTED", place[0] if place else None)
    assert {flag: getattr(made, flag) for flag in flags} == flags
    assert create(*place, domain=new_name(), feedback_enabled=True).inbound_enabled is True


@at_both("list")
def _(list_: Method, scene: Scene, client: Any, place: Place) -> None:
    first, second = (client.create(*place, domain=new_name()) for _ in range(2))
    page = list_(*place, limit=1)
    rest = list_(*place, limit=1, page_token=page.next_page_token)
    assert [each.domain_id for each in (*page.domains, *rest.domains)] == [second.domain_id, first.domain_id]
    assert list_(*place, ascending=True).domains[-1].domain_id == second.domain_id


@at_both("get")
def _(get: Method, scene: Scene, client: Any, place: Place) -> None:
    made = client.create(*place, domain=new_name())
    assert get(*place, made.domain_id) == made


@at_both("update")
def _(update: Method, scene: Scene, client: Any, place: Place) -> None:
    made = client.create(*place, domain=new_name())
    flags = {"feedback_enabled": False, "inbound_enabled": False, "subdomains_enabled": True, "tracking_enabled": True}
    changed = update(*place, made.domain_id, **flags)
    assert {flag: getattr(changed, flag) for flag in flags} == flags


@at_both("delete")
def _(delete: Method, scene: Scene, client: Any, place: Place) -> None:
    made = client.create(*place, domain=new_name())
    delete(*place, made.domain_id)
    with pytest.raises(ApiError) as raised:
        client.get(*place, made.domain_id)
    assert raised.value.status_code == 404


@at_both("get_zone_file")
def _(get_zone_file: Method, scene: Scene, client: Any, place: Place) -> None:
    made = client.create(*place, domain=new_name())
    assert b"".join(get_zone_file(*place, made.domain_id)).decode().startswith(f"$ORIGIN {made.domain}.\n$TTL 300\n")


@call("domains.get_setup_link")
def _(get_setup_link: Method, scene: Scene) -> None:
    made = scene.mailbox.client.domains.create(domain=new_name())
    assert get_setup_link(made.domain_id).supported is False
