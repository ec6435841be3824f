"""A call of every SDK method whose endpoint is served, with all that it takes, and a look at what came."""

from __future__ import annotations

import base64
import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from agentmail import SendAttachment
from agentmail.api_keys import ApiKeyPermissions, CreateBearerApiKeyRequest
from agentmail.core.api_error import ApiError
from agentmail.inboxes import CreateInboxRequest

from mailroom.messages.record import MessageRecord
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

FILE = "0197a000-0000-7000-8000-000000000003"
CONTENT = b"%PDF-1.7 \x00 the file"


@dataclass(frozen=True)
class Scene:
    """An inbox with a thread of two received messages; the first has a file."""

    mailbox: Mailbox
    inbox: str
    first: MessageRecord
    second: MessageRecord

    @property
    def at(self) -> tuple[str, str]:
        return self.inbox, self.first["message_id"]

    @property
    def thread(self) -> str:
        return self.first["thread_id"]

    @property
    def ids(self) -> list[str]:
        return [self.first["message_id"], self.second["message_id"]]

    @property
    def pod(self) -> str:
        return str(self.mailbox.client.inboxes.get(self.inbox).pod_id)

    def message(self, message_id: str) -> Any:
        return self.mailbox.client.inboxes.messages.get(self.inbox, message_id)


Method = Any
Call = Callable[[Method, Scene], None]
CALLS: dict[str, Call] = {}


def call(name: str) -> Callable[[Call], Call]:
    def note(function: Call) -> Call:
        CALLS[name] = function
        return function

    return note


# --- who and where ------------------------------------------------------------------------------------------------------


@call("auth.me")
def _(me: Method, scene: Scene) -> None:
    assert me().scope_type == "organization"


@call("organizations.get")
def _(get: Method, scene: Scene) -> None:
    assert get().inbox_count >= 1


@call("organizations.get_labs")
def _(get_labs: Method, scene: Scene) -> None:
    assert get_labs().enabled is False


@call("organizations.join_labs")
def _(join_labs: Method, scene: Scene) -> None:
    with pytest.raises(ApiError) as raised:
        join_labs()
    assert raised.value.status_code == 403


# --- API keys -----------------------------------------------------------------------------------------------------------

NEW_KEY = CreateBearerApiKeyRequest(name="made here", permissions=ApiKeyPermissions(message_read=True))


@call("api_keys.create")
def _(create: Method, scene: Scene) -> None:
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    made = create(request=NEW_KEY.model_copy(update={"expires_at": expires}))
    assert scene.mailbox.sdk(made.api_key).auth.me().api_key_id == made.api_key_id


@call("api_keys.list")
def _(list_: Method, scene: Scene) -> None:
    page = list_(limit=1, type="bearer", ascending=True)
    assert page.count == len(page.api_keys) == 1
    if page.next_page_token:
        assert list_(limit=1, type="bearer", ascending=True, page_token=page.next_page_token).api_keys != page.api_keys


@call("api_keys.get")
def _(get: Method, scene: Scene) -> None:
    made: Any = scene.mailbox.client.api_keys.create(request=NEW_KEY)
    assert get(made.api_key_id).prefix == made.api_key[: len(made.prefix)]


@call("api_keys.update")
def _(update: Method, scene: Scene) -> None:
    made = scene.mailbox.client.api_keys.create(request=NEW_KEY)
    changed = update(made.api_key_id, name="renamed", permissions=ApiKeyPermissions(inbox_read=True))
    assert (changed.name, changed.permissions.inbox_read, changed.permissions.message_read) == ("renamed", True, None)


@call("api_keys.delete")
def _(delete: Method, scene: Scene) -> None:
    made: Any = scene.mailbox.client.api_keys.create(request=NEW_KEY)
    delete(made.api_key_id)
    with pytest.raises(ApiError) as raised:
        scene.mailbox.sdk(made.api_key).auth.me()
    assert raised.value.status_code == 401


@call("inboxes.api_keys.create")
def _(create: Method, scene: Scene) -> None:
    made = create(scene.inbox, request=NEW_KEY)
    assert scene.mailbox.sdk(made.api_key).auth.me().inbox_id == scene.inbox == made.inbox_id


@call("inboxes.api_keys.list")
def _(list_: Method, scene: Scene) -> None:
    made = scene.mailbox.client.inboxes.api_keys.create(scene.inbox, request=NEW_KEY)
    assert [key.api_key_id for key in list_(scene.inbox, limit=10).api_keys] == [made.api_key_id]


@call("inboxes.api_keys.update")
def _(update: Method, scene: Scene) -> None:
    made = scene.mailbox.client.inboxes.api_keys.create(scene.inbox, request=NEW_KEY)
    assert update(scene.inbox, made.api_key_id, name="renamed").name == "renamed"


@call("inboxes.api_keys.delete")
def _(delete: Method, scene: Scene) -> None:
    made = scene.mailbox.client.inboxes.api_keys.create(scene.inbox, request=NEW_KEY)
    delete(scene.inbox, made.api_key_id)
    assert scene.mailbox.client.inboxes.api_keys.list(scene.inbox).api_keys == []


# --- inboxes ------------------------------------------------------------------------------------------------------------


@call("inboxes.create")
def _(create: Method, scene: Scene) -> None:
    name, client_id = f"n{uuid.uuid4().hex[:10]}", uuid.uuid4().hex
    asked = CreateInboxRequest(username=name, display_name="Agent", client_id=client_id, metadata={"tier": 1, "on": True})
    made = create(request=asked)
    assert (made.email, made.metadata) == (f"{name}@mailroom.local", {"tier": 1, "on": True})
    assert create(request=asked) == made
    assert create().inbox_id != made.inbox_id


@call("inboxes.get")
def _(get: Method, scene: Scene) -> None:
    assert get(scene.inbox).inbox_id == scene.inbox


@call("inboxes.list")
def _(list_: Method, scene: Scene) -> None:
    assert scene.inbox == list_(limit=1).inboxes[0].inbox_id
    assert list_(limit=1, ascending=True).count == 1


@call("inboxes.search")
def _(search: Method, scene: Scene) -> None:
    page = search(q=scene.inbox.upper(), limit=1)
    assert [inbox.inbox_id for inbox in page.inboxes] == [scene.inbox]
    assert search(q="mailroom", limit=1, page_token=search(q="mailroom", limit=1).next_page_token).limit == 1


@call("inboxes.update")
def _(update: Method, scene: Scene) -> None:
    changed = update(scene.inbox, display_name="New", status="paused", metadata={"a": "b", "gone": None})
    assert (changed.display_name, changed.status, changed.metadata) == ("New", "paused", {"a": "b"})


@call("inboxes.delete")
def _(delete: Method, scene: Scene) -> None:
    delete(scene.inbox)
    with pytest.raises(ApiError) as raised:
        scene.mailbox.client.inboxes.get(scene.inbox)
    assert raised.value.status_code == 404


@call("inboxes.events.list")
def _(list_: Method, scene: Scene) -> None:
    shown = eventually(lambda: found if len(found := list_(scene.inbox, limit=50, ascending=True).events) == 4 else None)
    assert {(event.event_type, event.label) for event in shown} == {("label.added", "received"), ("label.added", "unread")}


# --- messages -----------------------------------------------------------------------------------------------------------


@call("inboxes.messages.list")
def _(list_: Method, scene: Scene) -> None:
    now = datetime.datetime.now(datetime.UTC)
    flags = dict.fromkeys(("include_spam", "include_blocked", "include_unauthenticated", "include_trash"), True)
    page = list_(
        scene.inbox,
        limit=1,
        labels=["unread", "Received"],
        before=now + datetime.timedelta(hours=1),
        after=now - datetime.timedelta(hours=1),
        ascending=True,
        from_=["ann"],
        to=["agent"],
        subject=["ORDER"],
        **flags,
    )
    assert [message.message_id for message in page.messages] == scene.ids[:1]
    rest = list_(scene.inbox, limit=1, ascending=True, page_token=list_(scene.inbox, limit=1, ascending=True).next_page_token)
    assert [message.message_id for message in rest.messages] == scene.ids[1:]


@call("inboxes.messages.get")
def _(get: Method, scene: Scene) -> None:
    shown = get(*scene.at)
    assert (shown.text, shown.headers, shown.cc) == ("one", {"X-A": "1"}, ["Zoe <zoe@example.com>"])


@call("inboxes.messages.update")
def _(update: Method, scene: Scene) -> None:
    assert update(*scene.at, add_labels=["Done"], remove_labels="unread").labels == ["received", "done"]


@call("inboxes.messages.batch_get")
def _(batch_get: Method, scene: Scene) -> None:
    shown = batch_get(scene.inbox, message_ids=[*scene.ids, "<nobody@example.com>"])
    assert ([message.message_id for message in shown.messages], shown.count, shown.limit) == (scene.ids, 2, 3)


@call("inboxes.messages.batch_update")
def _(batch_update: Method, scene: Scene) -> None:
    changed = batch_update(scene.inbox, message_ids=scene.ids, add_labels="seen", remove_labels=["unread"])
    assert [(update.message_id, update.labels) for update in changed.updates] == [
        (each, ["received", "seen"]) for each in scene.ids
    ]


@call("inboxes.messages.delete")
def _(delete: Method, scene: Scene) -> None:
    delete(*scene.at)
    with pytest.raises(ApiError) as raised:
        scene.message(scene.first["message_id"])
    assert raised.value.status_code == 404


@call("inboxes.messages.get_attachment")
def _(get_attachment: Method, scene: Scene) -> None:
    see_file(get_attachment(*scene.at, FILE))


@call("inboxes.messages.get_raw")
def _(get_raw: Method, scene: Scene) -> None:
    assert get_raw(*scene.at).message_id == scene.first["message_id"]


@call("inboxes.messages.send")
def _(send: Method, scene: Scene) -> None:
    sent = send(
        scene.inbox,
        to="Bob <bob@example.com>",
        cc=["c@example.com"],
        bcc="d@example.com",
        subject="Hi",
        idempotency_key=uuid.uuid4().hex,
        **_written(),
    )
    shown = scene.message(sent.message_id)
    assert (shown.to, shown.cc, shown.bcc) == (["Bob <bob@example.com>"], ["c@example.com"], ["d@example.com"])
    assert (shown.labels, shown.thread_id, len(shown.attachments)) == (["sent", "draft:1"], sent.thread_id, 1)


@call("inboxes.messages.reply")
def _(reply: Method, scene: Scene) -> None:
    sent = reply(*scene.at, to=["x@example.com"], reply_all=False, idempotency_key=uuid.uuid4().hex, **_written())
    shown = scene.message(sent.message_id)
    assert (shown.subject, shown.to, sent.thread_id) == ("Re: Order", ["x@example.com"], scene.thread)


@call("inboxes.messages.reply_all")
def _(reply_all: Method, scene: Scene) -> None:
    sent = reply_all(*scene.at, idempotency_key=uuid.uuid4().hex, **_written())
    shown = scene.message(sent.message_id)
    assert (shown.cc, shown.in_reply_to, sent.thread_id) == (["Zoe <zoe@example.com>"], scene.first["message_id"], scene.thread)


@call("inboxes.messages.forward")
def _(forward: Method, scene: Scene) -> None:
    sent = forward(*scene.at, to="x@example.com", idempotency_key=uuid.uuid4().hex, **_written())
    shown = scene.message(sent.message_id)
    assert (shown.subject, [file.filename for file in shown.attachments]) == ("Fwd: Order", ["a.pdf", "note.txt"])


def _written() -> dict[str, Any]:
    file = SendAttachment(filename="note.txt", content=base64.b64encode(b"hi").decode(), content_disposition="attachment")
    fields = {"text": "text", "html": "<p>html", "reply_to": "team@example.com", "labels": ["Draft:1"], "headers": {"X-Job": "7"}}
    return {**fields, "attachments": [file], "track_opens": False}


def see_file(shown: Any) -> None:
    assert (shown.attachment_id, shown.size, shown.filename) == (FILE, len(CONTENT), "a.pdf")
    if "amazonaws" not in shown.download_url:
        assert httpx.get(shown.download_url, trust_env=False).content == CONTENT


# --- threads ------------------------------------------------------------------------------------------------------------


def lists_threads(list_: Method, scene: Scene, *where: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    flags = dict.fromkeys(("include_spam", "include_blocked", "include_unauthenticated", "include_trash"), True)
    page = list_(
        *where,
        limit=1,
        labels=["unread"],
        before=now + datetime.timedelta(hours=1),
        after=now - datetime.timedelta(hours=1),
        ascending=False,
        senders=["ann"],
        recipients=["ZOE"],
        subject=["order"],
        **flags,
    )
    assert [(thread.thread_id, thread.message_count) for thread in page.threads] == [(scene.thread, 2)]


def gets_thread(get: Method, scene: Scene, *where: str) -> None:
    newest = get(*where, scene.thread, limit=1)
    older = get(*where, scene.thread, limit=1, page_token=newest.next_page_token)
    assert [message.message_id for message in (*older.messages, *newest.messages)] == scene.ids
    assert [message.text for message in get(*where, scene.thread).messages] == ["one", "two"]


def updates_thread(update: Method, scene: Scene, *where: str) -> None:
    assert update(*where, scene.thread, add_labels=["Deal"], remove_labels=["unread"]).labels == ["received", "deal"]
    assert all(scene.message(each).labels == ["received", "deal"] for each in scene.ids)


def deletes_thread(delete: Method, scene: Scene, *where: str) -> None:
    delete(*where, scene.thread)
    assert scene.mailbox.client.inboxes.messages.list(scene.inbox).messages == []


call("threads.list")(lists_threads)
call("threads.get")(gets_thread)
call("threads.update")(updates_thread)
call("threads.delete")(deletes_thread)
call("threads.get_attachment")(lambda get, scene: see_file(get(scene.thread, FILE)))
call("inboxes.threads.list")(lambda list_, scene: lists_threads(list_, scene, scene.inbox))
call("inboxes.threads.get")(lambda get, scene: gets_thread(get, scene, scene.inbox))
call("inboxes.threads.update")(lambda update, scene: updates_thread(update, scene, scene.inbox))
call("inboxes.threads.delete")(lambda delete, scene: deletes_thread(delete, scene, scene.inbox))
call("inboxes.threads.get_attachment")(lambda get, scene: see_file(get(scene.inbox, scene.thread, FILE)))
