"""Calls of the webhooks' SDK methods, at organization, pod and inbox scope. What they make they delete: an organization has few."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import Method, Scene
from tests.support.sdk_scopes import Place, at_each_scope, client_of

URL = "https://example.com/hook"
TYPES = ["message.received", "message.bounced"]

scoped = at_each_scope("webhooks")


@contextlib.contextmanager
def _made(scene: Scene, family: str, place: Place, **more: Any) -> Iterator[Any]:
    client = client_of(scene, family)
    webhook = client.create(*place, **{"url": URL, "event_types": TYPES, **more})
    try:
        yield webhook
    finally:
        client.delete(*place, webhook.webhook_id)


@contextlib.contextmanager
def _polled(scene: Scene, family: str, place: Place) -> Iterator[Any]:
    client = client_of(scene, family).polling
    webhook = client.create(*place, client_id=uuid.uuid4().hex, event_types=TYPES)
    try:
        yield webhook
    finally:
        client.delete(*place, webhook.webhook_id)


# --- webhooks -----------------------------------------------------------------------------------------------------------


@scoped("create")
def _(create: Method, scene: Scene, family: str, place: Place) -> None:
    asked = {"url": URL, "event_types": TYPES, "client_id": uuid.uuid4().hex, "headers": {"X-Team": "a"}}
    if family != "inboxes.webhooks":
        asked["inbox_ids"] = [scene.inbox]
    made = create(*place, **asked)
    assert (made.url, made.event_types, made.inbox_ids, made.enabled) == (URL, TYPES, [scene.inbox], True)
    assert create(*place, **{**asked, "url": "https://example.com/other"}) == made
    client_of(scene, family).delete(*place, made.webhook_id)


@scoped("list")
def _(list_: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place) as first, _made(scene, family, place) as second:
        page = list_(*place, limit=1)
        assert [each.webhook_id for each in page.webhooks] == [second.webhook_id]
        rest = list_(*place, limit=1, page_token=page.next_page_token)
        assert [each.webhook_id for each in rest.webhooks] == [first.webhook_id]
        assert list_(*place, ascending=True).webhooks[-1] == second


@scoped("get")
def _(get: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place) as made:
        assert get(*place, made.webhook_id) == made


@scoped("update")
def _(update: Method, scene: Scene, family: str, place: Place) -> None:
    more: dict[str, Any] = {} if family == "inboxes.webhooks" else {"inbox_ids": [scene.inbox]}
    other = str(scene.mailbox.client.inboxes.create().inbox_id)
    with _made(scene, family, place, **more) as made:
        lists = {} if not more else {"add_inbox_ids": [other], "remove_inbox_ids": [scene.inbox]}
        changed = update(*place, made.webhook_id, event_types=["message.sent"], enabled=False, **lists)
        assert (changed.event_types, changed.enabled) == (["message.sent"], False)
        assert changed.inbox_ids == ([other] if more else [scene.inbox])
        if family == "webhooks":
            pod_id = scene.mailbox.client.inboxes.get(other).pod_id
            moved = update(made.webhook_id, add_pod_ids=[pod_id], remove_inbox_ids=[other], remove_pod_ids=["gone"])
            assert (moved.pod_ids, moved.inbox_ids) == ([pod_id], None)


@scoped("delete")
def _(delete: Method, scene: Scene, family: str, place: Place) -> None:
    made = client_of(scene, family).create(*place, url=URL, event_types=TYPES)
    delete(*place, made.webhook_id)
    with pytest.raises(ApiError) as raised:
        client_of(scene, family).get(*place, made.webhook_id)
    assert raised.value.status_code == 404


@scoped("get_headers")
def _(get_headers: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place, headers={"X-Team": "a", "authorization": "Bearer b"}) as made:
        assert get_headers(*place, made.webhook_id).header_names == ["authorization", "X-Team"]


@scoped("update_headers")
def _(update_headers: Method, scene: Scene, family: str, place: Place) -> None:
    with _made(scene, family, place, headers={"X-Team": "a", "X-Old": "b"}) as made:
        update_headers(*place, made.webhook_id, headers={"x-team": "c", "X-New": "d"}, remove_headers=["x-old"])
        assert client_of(scene, family).get_headers(*place, made.webhook_id).header_names == ["X-New", "x-team"]


# --- polling webhooks ---------------------------------------------------------------------------------------------------


@scoped("polling.create")
def _(create: Method, scene: Scene, family: str, place: Place) -> None:
    asked: dict[str, Any] = {"client_id": uuid.uuid4().hex, "event_types": TYPES}
    if family != "inboxes.webhooks":
        asked["inbox_ids"] = [scene.inbox]
    made, again = create(*place, **asked), create(*place, **asked)
    assert (made.client_id, made.event_types, made.inbox_ids) == (asked["client_id"], TYPES, [scene.inbox])
    assert again.webhook_id == made.webhook_id
    assert again.token != made.token
    client_of(scene, family).polling.delete(*place, made.webhook_id)


@scoped("polling.list")
def _(list_: Method, scene: Scene, family: str, place: Place) -> None:
    with _polled(scene, family, place) as first, _polled(scene, family, place) as second:
        page = list_(*place, limit=1)
        assert [each.webhook_id for each in page.polling_webhooks] == [second.webhook_id]
        rest = list_(*place, limit=1, page_token=page.next_page_token)
        assert [each.webhook_id for each in rest.polling_webhooks] == [first.webhook_id]
        assert [each.webhook_id for each in list_(*place, ascending=True).polling_webhooks][-1] == second.webhook_id


@scoped("polling.get")
def _(get: Method, scene: Scene, family: str, place: Place) -> None:
    with _polled(scene, family, place) as made:
        shown = get(*place, made.client_id)
        assert shown == get(*place, made.webhook_id)
        assert shown.model_dump() == made.model_dump(exclude={"token"})


@scoped("polling.delete")
def _(delete: Method, scene: Scene, family: str, place: Place) -> None:
    made = client_of(scene, family).polling.create(*place, client_id=uuid.uuid4().hex, event_types=TYPES)
    delete(*place, made.client_id)
    with pytest.raises(ApiError) as raised:
        client_of(scene, family).polling.get(*place, made.webhook_id)
    assert raised.value.status_code == 404
