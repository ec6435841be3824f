"""Calls of the pods' SDK methods, and of those for inboxes, threads and keys below a pod."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from agentmail.api_keys import ApiKeyPermissions
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import (
    FILE,
    NEW_KEY,
    Method,
    Scene,
    call,
    deletes_thread,
    gets_thread,
    lists_threads,
    see_file,
    updates_thread,
)


@contextlib.contextmanager
def _pod(scene: Scene) -> Iterator[Any]:
    """A pod of its own."""
    pod = scene.mailbox.client.pods.create(client_id=uuid.uuid4().hex)
    yield pod
    scene.mailbox.client.pods.delete(pod.pod_id)


# --- pods ---------------------------------------------------------------------------------------------------------------


@call("pods.create")
def _(create: Method, scene: Scene) -> None:
    client_id = uuid.uuid4().hex
    made = create(name="Customer 17", client_id=client_id)
    assert (made.name, made.client_id) == ("Customer 17", client_id)
    assert create(name="Another", client_id=client_id) == made
    other = create()
    assert other.name == f"Pod {other.pod_id[:8]}"
    for each in (made, other):
        scene.mailbox.client.pods.delete(each.pod_id)


@call("pods.list")
def _(list_: Method, scene: Scene) -> None:
    with _pod(scene) as first, _pod(scene) as second:
        page = list_(limit=1)
        rest = list_(limit=1, page_token=page.next_page_token)
        assert [page.pods, rest.pods] == [[second], [first]]
        assert list_(ascending=True).pods[-1] == second


@call("pods.get")
def _(get: Method, scene: Scene) -> None:
    with _pod(scene) as pod:
        assert get(pod.pod_id) == get(pod.client_id) == pod


@call("pods.delete")
def _(delete: Method, scene: Scene) -> None:
    pod = scene.mailbox.client.pods.create()
    delete(pod.pod_id)
    with pytest.raises(ApiError) as raised:
        scene.mailbox.client.pods.get(pod.pod_id)
    assert raised.value.status_code == 404


# --- inboxes ------------------------------------------------------------------------------------------------------------


@call("pods.inboxes.create")
def _(create: Method, scene: Scene) -> None:
    with _pod(scene) as pod:
        name = f"n{uuid.uuid4().hex[:10]}"
        made = create(pod.client_id, username=name, domain="mailroom.local", display_name="Agent", client_id=name, status="paused")
        assert (made.pod_id, made.email, made.status) == (pod.pod_id, f"{name}@mailroom.local", "paused")
        assert create(pod.pod_id, client_id=name, metadata={"a": 1}) == made
        scene.mailbox.client.inboxes.delete(made.inbox_id)


@call("pods.inboxes.list")
def _(list_: Method, scene: Scene) -> None:
    assert list_(scene.pod, limit=1).inboxes[0].inbox_id == scene.inbox
    assert list_(scene.pod, limit=1, ascending=True).count == 1


@call("pods.inboxes.get")
def _(get: Method, scene: Scene) -> None:
    assert get(scene.pod, scene.inbox).inbox_id == scene.inbox


@call("pods.inboxes.search")
def _(search: Method, scene: Scene) -> None:
    page = search(scene.pod, q=scene.inbox.upper(), limit=1)
    assert [inbox.inbox_id for inbox in page.inboxes] == [scene.inbox]
    assert search(scene.pod, q="mailroom", limit=1, page_token=search(scene.pod, q="mailroom", limit=1).next_page_token).limit == 1


@call("pods.inboxes.update")
def _(update: Method, scene: Scene) -> None:
    changed = update(scene.pod, scene.inbox, display_name="New", status="paused", metadata={"a": "b"})
    assert (changed.display_name, changed.status, changed.metadata) == ("New", "paused", {"a": "b"})


@call("pods.inboxes.delete")
def _(delete: Method, scene: Scene) -> None:
    delete(scene.pod, scene.inbox)
    with pytest.raises(ApiError) as raised:
        scene.mailbox.client.inboxes.get(scene.inbox)
    assert raised.value.status_code == 404


# --- threads ------------------------------------------------------------------------------------------------------------

call("pods.threads.list")(lambda list_, scene: lists_threads(list_, scene, scene.pod))
call("pods.threads.get")(lambda get, scene: gets_thread(get, scene, scene.pod))
call("pods.threads.update")(lambda update, scene: updates_thread(update, scene, scene.pod))
call("pods.threads.delete")(lambda delete, scene: deletes_thread(delete, scene, scene.pod))
call("pods.threads.get_attachment")(lambda get, scene: see_file(get(scene.pod, scene.thread, FILE)))


# --- API keys -----------------------------------------------------------------------------------------------------------


@call("pods.api_keys.create")
def _(create: Method, scene: Scene) -> None:
    made = create(scene.pod, request=NEW_KEY)
    assert scene.mailbox.sdk(made.api_key).auth.me().pod_id == scene.pod == made.pod_id


@call("pods.api_keys.list")
def _(list_: Method, scene: Scene) -> None:
    with _pod(scene) as pod:
        first, second = (scene.mailbox.client.pods.api_keys.create(pod.pod_id, request=NEW_KEY) for _ in range(2))
        page = list_(pod.pod_id, limit=1)
        rest = list_(pod.pod_id, limit=1, page_token=page.next_page_token)
        assert [key.api_key_id for key in (*page.api_keys, *rest.api_keys)] == [second.api_key_id, first.api_key_id]


@call("pods.api_keys.update")
def _(update: Method, scene: Scene) -> None:
    made = scene.mailbox.client.pods.api_keys.create(scene.pod, request=NEW_KEY)
    changed = update(scene.pod, made.api_key_id, name="renamed", permissions=ApiKeyPermissions(inbox_read=True))
    assert (changed.name, changed.permissions.inbox_read) == ("renamed", True)


@call("pods.api_keys.delete")
def _(delete: Method, scene: Scene) -> None:
    made: Any = scene.mailbox.client.pods.api_keys.create(scene.pod, request=NEW_KEY)
    delete(scene.pod, made.api_key_id)
    with pytest.raises(ApiError) as raised:
        scene.mailbox.sdk(made.api_key).auth.me()
    assert raised.value.status_code == 401
