"""Creating a draft: plain, reply or forward, perhaps with a time to send it (spec: drafts.md, "Create")."""

from __future__ import annotations

from typing import Any, cast

from mailroom import ids
from mailroom.drafts import files, render, states, watch, writing
from mailroom.drafts.access import text_of
from mailroom.drafts.files import NewFile
from mailroom.drafts.model import CreateDraft, send_time
from mailroom.drafts.record import DraftRecord, put
from mailroom.drafts.timers import arm
from mailroom.errors import NotFound, RaceCondition, ResourceDeleting, ValidationError
from mailroom.http.endpoint import Request
from mailroom.http.paths import normalized_message_id
from mailroom.inboxes.access import in_reach, require_inbox
from mailroom.inboxes.record import InboxRecord
from mailroom.mail.replying import forward_subject, reply_references, reply_subject
from mailroom.messages import audience
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import given_files
from mailroom.messages.labels import ordered
from mailroom.messages.record import Bodies, MessageRecord
from mailroom.messages.requests import MailBody
from mailroom.ports import BlobMissing
from mailroom.store import keys
from mailroom.store.port import Absent, Put, Reads, StoreBusy, TransactionCancelled
from mailroom.store.races import attempts

_INBOX = 1
"""Place in the transaction."""


def reads(o: str, request: Request) -> Reads:
    """The inbox, what has the client id, and the message that is answered or forwarded."""
    inbox_id = request.path["inbox_id"].lower()
    wanted = [keys.inbox(o, inbox_id)]
    try:
        sent = request.json()
    except ValidationError:
        return Reads(tuple(wanted))
    if isinstance(client_id := sent.get("client_id"), str):
        wanted.append(keys.client_id(o, "draft", client_id))
    sources = (sent.get(name) for name in ("in_reply_to", "forward_of"))
    wanted += [keys.message(o, inbox_id, normalized_message_id(source)) for source in sources if isinstance(source, str)]
    return Reads(tuple(dict.fromkeys(wanted)))


def create_draft(request: Request) -> dict[str, Any]:
    """The new `Draft`, or the one that has the same client id.

    Raises ValidationError, MissingPermission, NotFound (inbox or source), MessageRejected (attachment URL), RaceCondition,
    ResourceDeleting.
    """
    o, runtime, items = request.caller.organization_id, request.runtime, request.items
    body: CreateDraft = request.body()
    given = audience.given(cast(MailBody, body))
    audience.require_few(given, runtime.config.max_recipients)
    if body.keys() & {"in_reply_to", "forward_of"}:
        request.caller.require("message_read")
    inbox = require_inbox(request.caller, request.path["inbox_id"], items=items)
    if (existing := _replay(request, body)) is not None:
        return existing
    record = _record(request, inbox, body, given)
    fetched = given_files(body.get("attachments", ()), fetcher=runtime.fetcher, limit=runtime.config.max_fetched_bytes)
    attached = files.described_files(fetched, record["created_at"])
    if attached:
        record["attachments"] = [each.record for each in attached]
        files.require_room(record["attachments"], "attachments", config=runtime.config)
    try:
        return _store(request, record, attached, _bodies(body))
    except StoreBusy:
        # It may be there all the same.
        raise
    except Exception:
        files.drop(o, record, blobs=runtime.blobs)
        raise


def _store(request: Request, record: DraftRecord, attached: list[NewFile], bodies: Bodies) -> dict[str, Any]:
    o, runtime = request.caller.organization_id, request.runtime
    files.lay_down(o, record, attached, blobs=runtime.blobs)
    text = files.put_text(o, record, bodies, blobs=runtime.blobs)
    arm(o, record, timers=runtime.timers, now=record["created_at"])
    row = {"id": record["draft_id"], "inbox_id": record["inbox_id"]}
    along = [Put(keys.client_id(o, "draft", record["client_id"]), row, Absent())] if "client_id" in record else []
    shards = runtime.config.index_shards
    for _ in attempts():
        try:
            now = runtime.clock()
            writing.save(o, None, record, items=request.items, shards=shards, now=now, text=text, along=along)
        except TransactionCancelled as cancelled:
            if _INBOX in cancelled.failures:
                raise NotFound from cancelled
            if (existing := _replay(request, record)) is not None:
                files.drop(o, record, blobs=runtime.blobs)
                return existing
        else:
            return render.draft(record, bodies)
    raise RaceCondition


def _replay(request: Request, named: CreateDraft | DraftRecord) -> dict[str, Any] | None:
    """The draft that has the client id. Raises NotFound where it is out of the caller's reach, ResourceDeleting where it is on its
    way out with its inbox, and the client id will be free in a moment."""
    caller, items = request.caller, request.items
    o, client_id = caller.organization_id, named.get("client_id")
    mapped = items.get(keys.client_id(o, "draft", client_id)) if client_id else None
    if mapped is None:
        return None
    key = keys.draft(o, mapped["inbox_id"], mapped["id"])
    items.prefetch(Reads((inbox := keys.inbox(o, mapped["inbox_id"]), key, keys.body(key))))
    if "state" in in_reach(caller, items.get(inbox)):
        raise ResourceDeleting("The inbox of the draft with this client id is being deleted", retry_after=1)
    if (row := items.get(key)) is None:
        return None
    try:
        draft = cast(DraftRecord, row)
        return render.draft(draft, text_of(o, draft, items=items, blobs=request.runtime.blobs))
    except BlobMissing:
        return None


def _record(request: Request, inbox: InboxRecord, body: CreateDraft, given: Audience) -> DraftRecord:
    now = request.runtime.clock()
    draft_id = ids.uuid7(now)
    record: DraftRecord = {
        "inbox_id": inbox["inbox_id"],
        "pod_id": inbox["pod_id"],
        "draft_id": draft_id,
        "thread_id": ids.uuid7(now),
        "kind": "plain",
        "labels": ordered(body.get("labels", ())),
        "body": "none",
        "created_at": now,
        "updated_at": now,
        "ver": now,
    }
    send_at = send_time(body["send_at"], now) if body.get("send_at") is not None else None  # type: ignore[arg-type]
    whom = given
    if "in_reply_to" in body:
        whom = _as_reply(record, body, _source(request, body["in_reply_to"]))
        audience.require_few(whom, request.runtime.config.max_recipients)
    elif "forward_of" in body:
        _as_forward(record, _source(request, body["forward_of"]))
    put(record, whom._asdict())
    put(record, {name: value for name, value in body.items() if value and name in ("reply_to", "subject", "client_id", "force")})
    if (cancel_on := body.get("cancel_on")) is not None:
        record["cancel_on"] = cancel_on
        record["watch"] = watch.begun(request.caller.organization_id, record, items=request.items, now=now)
    if send_at is not None:
        states.schedule(record, send_at)
    return record


def _source(request: Request, message_id: str) -> MessageRecord:
    """Raises NotFound for a message that is unknown or hidden from the caller."""
    key = keys.message(request.caller.organization_id, request.path["inbox_id"], normalized_message_id(message_id))
    row = request.items.get(key)
    if row is None:
        raise NotFound
    request.caller.require_visible(row["labels"])
    return cast(MessageRecord, row)


def _as_reply(record: DraftRecord, body: CreateDraft, parent: MessageRecord) -> Audience:
    record["kind"], record["in_reply_to"] = "reply", parent["message_id"]
    record["subject"] = reply_subject(parent.get("subject"))
    if (mark := parent.get("automatic")) is not None:
        record["automatic"] = mark
    _derive(record, parent)
    return audience.of_reply(cast(MailBody, body), parent)


def _as_forward(record: DraftRecord, source: MessageRecord) -> None:
    record["kind"], record["forward_of"] = "forward", source["message_id"]
    record["subject"] = forward_subject(source.get("subject"))
    _derive(record, source)


def _derive(record: DraftRecord, source: MessageRecord) -> None:
    record["thread_id"] = source["thread_id"]
    record["references"] = reply_references(source.get("references", ()), source["message_id"])


def _bodies(body: CreateDraft) -> Bodies:
    return cast(Bodies, {name: value for name, value in body.items() if name in ("text", "html")})
