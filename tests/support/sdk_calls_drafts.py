"""Calls of the drafts' SDK methods: reading at organization, pod and inbox scope, writing in an inbox."""

from __future__ import annotations

import base64
import datetime
import uuid
from typing import Any

import httpx
import pytest
from agentmail import SendAttachment
from agentmail.core.api_error import ApiError

from tests.support.sdk_calls import Method, Scene, call
from tests.support.sdk_scopes import Place, at_each_scope, client_of

CONTENT = b"a\x00b"
FILE = SendAttachment(filename="note.txt", content=base64.b64encode(CONTENT).decode(), content_disposition="attachment")
HOUR = datetime.timedelta(hours=1)

scoped = at_each_scope("drafts")


def _drafts(scene: Scene) -> Any:
    return client_of(scene, "inboxes.drafts")


def _made(scene: Scene, **more: Any) -> Any:
    return _drafts(scene).create(scene.inbox, **{"to": ["Bob <bob@example.com>"], "subject": "Hi", "text": "text", **more})


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


# --- reading ------------------------------------------------------------------------------------------------------------


@scoped("list")
def _(list_: Method, scene: Scene, family: str, place: Place) -> None:
    label = uuid.uuid4().hex
    first, second = (_made(scene, labels=[label, "Todo"]) for _ in range(2))
    asked: dict[str, Any] = {"labels": [label.upper(), "todo"], "before": _now() + HOUR, "after": _now() - HOUR, "limit": 1}
    page = list_(*place, ascending=True, **asked)
    assert [each.draft_id for each in page.drafts] == [first.draft_id]
    rest = list_(*place, ascending=True, page_token=page.next_page_token, **asked)
    assert [each.draft_id for each in rest.drafts] == [second.draft_id]
    assert list_(*place, limit=1).drafts[0].draft_id == second.draft_id


@scoped("get")
def _(get: Method, scene: Scene, family: str, place: Place) -> None:
    made = _made(scene, html="<p>html", client_id=uuid.uuid4().hex)
    assert get(*place, made.draft_id) == made == get(*place, made.client_id)


@scoped("get_attachment")
def _(get_attachment: Method, scene: Scene, family: str, place: Place) -> None:
    made = _made(scene, attachments=[FILE])
    shown = get_attachment(*place, made.draft_id, made.attachments[0].attachment_id)
    assert (shown.filename, shown.size, shown.content_type) == ("note.txt", len(CONTENT), "text/plain")
    if "amazonaws" not in shown.download_url:
        assert httpx.get(shown.download_url, trust_env=False).content == CONTENT


# --- writing ------------------------------------------------------------------------------------------------------------


@call("inboxes.drafts.create")
def _(create: Method, scene: Scene) -> None:
    given: dict[str, Any] = {
        "labels": ["Todo"],
        "reply_to": ["team@example.com"],
        "to": ["Bob <bob@example.com>"],
        "cc": ["c@example.com"],
        "bcc": ["d@example.com"],
        "subject": "Hi",
        "text": "text",
        "html": "<p>html",
        "client_id": uuid.uuid4().hex,
    }
    made = create(scene.inbox, attachments=[FILE], send_at=_now() + HOUR, **given)
    assert {name: getattr(made, name) for name in given} == {**given, "labels": ["scheduled", "todo"]}
    assert (made.preview, made.send_status, len(made.attachments)) == ("text", "scheduled", 1)
    assert create(scene.inbox, **{**given, "text": "other"}) == made
    reply = create(scene.inbox, in_reply_to=scene.first["message_id"], reply_all=True)
    assert (reply.subject, reply.cc) == ("Re: Order", ["Zoe <zoe@example.com>"])
    forward = create(scene.inbox, forward_of=scene.first["message_id"])
    assert (forward.subject, forward.references, forward.to) == ("Fwd: Order", [scene.first["message_id"]], None)


@call("inboxes.drafts.update")
def _(update: Method, scene: Scene) -> None:
    made = _made(scene, attachments=[FILE], labels=["todo"])
    given: dict[str, Any] = {
        "reply_to": ["team@example.com"],
        "to": ["eve@example.com"],
        "cc": ["c@example.com"],
        "bcc": ["d@example.com"],
        "subject": "Ho",
        "text": "new",
        "html": "<p>new",
    }
    changed = update(
        scene.inbox,
        made.draft_id,
        add_attachments=[FILE],
        remove_attachments=[made.attachments[0].attachment_id],
        add_labels=["Later"],
        remove_labels=["todo"],
        send_at=_now() + HOUR,
        **given,
    )
    assert {name: getattr(changed, name) for name in given} == given
    assert (changed.labels, len(changed.attachments), changed.send_status) == (["scheduled", "later"], 1, "scheduled")
    cleared = update(scene.inbox, made.draft_id, **dict.fromkeys((*given, "send_at")))
    assert {name: getattr(cleared, name) for name in (*given, "send_at", "send_status")} == dict.fromkeys(
        (*given, "send_at", "send_status")
    )


@call("inboxes.drafts.delete")
def _(delete: Method, scene: Scene) -> None:
    made = _made(scene)
    delete(scene.inbox, made.draft_id)
    with pytest.raises(ApiError) as raised:
        _drafts(scene).get(scene.inbox, made.draft_id)
    assert raised.value.status_code == 404


@call("inboxes.drafts.send")
def _(send: Method, scene: Scene) -> None:
    made, key = _made(scene, labels=["todo"], attachments=[FILE]), uuid.uuid4().hex
    asked: dict[str, Any] = {"add_labels": ["Done"], "remove_labels": "todo", "idempotency_key": key}
    sent = send(scene.inbox, made.draft_id, **asked)
    shown = scene.message(sent.message_id)
    assert (shown.labels, shown.to, shown.text, len(shown.attachments)) == (["sent", "done"], made.to, "text", 1)
    assert send(scene.inbox, made.draft_id, **asked) == sent
