"""Changing a draft (spec: drafts.md, "Update"): null clears, what is left out stays."""

from __future__ import annotations

from typing import Any, cast

from mailroom import log
from mailroom.drafts import claims, files, render, states, watch, writing
from mailroom.drafts.access import require_draft, text_of
from mailroom.drafts.files import NewFile
from mailroom.drafts.model import NO_THREAD, RECIPIENTS, UpdateDraft, send_time
from mailroom.drafts.record import DraftRecord, put
from mailroom.drafts.timers import arm
from mailroom.errors import Conflict, FieldError, NotFound, RaceCondition, ValidationError
from mailroom.http.endpoint import Request
from mailroom.keys.scopes import route_of
from mailroom.messages import audience, labels
from mailroom.messages.enclosures import given_files
from mailroom.messages.record import Bodies
from mailroom.messages.requests import MailBody
from mailroom.ports import BlobMissing
from mailroom.store.port import StoreError, TransactionCancelled
from mailroom.store.races import attempts

_DRAFT, _INBOX = 0, 1
"""Places in the transaction."""


def update_draft(request: Request) -> dict[str, Any]:
    """The changed `Draft`. Raises ValidationError, NotFound, Conflict while it is being sent, MessageRejected (attachment URL),
    RaceCondition."""
    body: UpdateDraft = request.body()
    if not body:
        raise ValidationError.at((), "Send at least one field to change")
    o, runtime = request.caller.organization_id, request.runtime
    added: list[NewFile] | None = None
    for _ in attempts():
        before = require_draft(request.caller, route_of(request.path), request.path["draft_id"], items=request.items)
        if before.get("send_status") == "sending":
            raise Conflict(claims.BEING_SENT, retry_after=1)
        _require_attached(before, body)
        after = _changed(request, before, body)
        _detach(after, body)
        if added is None:
            added = _laid_down(request, after, body)
        if added:
            after["attachments"] = [*after.get("attachments", ()), *(each.record for each in added)]
        try:
            bodies = _bodies(text_of(o, before, items=request.items, blobs=runtime.blobs), body)
        except BlobMissing:
            continue
        text = files.put_text(o, after, bodies, blobs=runtime.blobs) if body.keys() & {"text", "html"} else "kept"
        if after.get("timer") == after["ver"]:
            arm(o, after, timers=runtime.timers, now=runtime.clock())
        try:
            now, shards = runtime.clock(), runtime.config.index_shards
            writing.save(o, before, after, items=request.items, shards=shards, now=now, text=text)
        except TransactionCancelled as cancelled:
            if _INBOX in cancelled.failures or cancelled.failures.get(_DRAFT, before) is None:
                files.drop(o, before, blobs=runtime.blobs)
                raise NotFound from cancelled
            continue
        _drop(o, before, after, request)
        return render.draft(after, bodies)
    raise RaceCondition


def _changed(request: Request, before: DraftRecord, body: UpdateDraft) -> DraftRecord:
    now = request.runtime.clock()
    after = states.next_version(before, now)
    given = {name: value for name, value in body.items() if name in ("reply_to", *RECIPIENTS, "subject", "force")}
    put(after, given)
    if body.keys() & set(RECIPIENTS):
        whom = audience.given(cast(MailBody, after))
        audience.require_few(whom, request.runtime.config.max_recipients)
        put(after, whom._asdict())
    _label(after, body)
    if "send_at" in body:
        if body["send_at"] is None:
            states.unschedule(after)
        else:
            states.schedule(after, send_time(body["send_at"], now))
    _watch(request, before, after, body, now)
    return after


def _label(after: DraftRecord, body: UpdateDraft) -> None:
    """Counted with `scheduled`, which stands where the message will have `sent`."""
    add, remove = body.get("add_labels", ()), body.get("remove_labels", ())
    counted = labels.changed([*after["labels"], states.SCHEDULED], add=add, remove=remove)
    after["labels"] = [label for label in counted if label != states.SCHEDULED or label in after["labels"]]


def _watch(request: Request, before: DraftRecord, after: DraftRecord, body: UpdateDraft, now: int) -> None:
    """Who sets `cancel_on`, or a new time after an answer, has seen what is in the thread by now."""
    if "cancel_on" in body and body["cancel_on"] is None:
        after.pop("cancel_on", None)
        after.pop("watch", None)
        return
    if (wanted := body.get("cancel_on")) is not None:
        if after["kind"] == "plain":
            raise ValidationError.at("cancel_on", NO_THREAD)
        after["cancel_on"] = wanted
    resumed = "cancelled_at" in before and "cancelled_at" not in after
    if "cancel_on" in after and (wanted is not None or resumed):
        after["watch"] = watch.begun(request.caller.organization_id, after, items=request.items, now=now)


def _laid_down(request: Request, draft: DraftRecord, body: UpdateDraft) -> list[NewFile]:
    """The new files, fetched and written once, however often the change is tried."""
    runtime = request.runtime
    given = given_files(body.get("add_attachments", ()), fetcher=runtime.fetcher, limit=runtime.config.max_fetched_bytes)
    added = files.described_files(given, draft["updated_at"])
    present = [*draft.get("attachments", ()), *(each.record for each in added)]
    files.require_room(present, "add_attachments", config=runtime.config)
    files.lay_down(request.caller.organization_id, draft, added, blobs=runtime.blobs)
    return added


def _require_attached(before: DraftRecord, body: UpdateDraft) -> None:
    """Raises ValidationError for a file to remove that is not there."""
    known = {each["attachment_id"] for each in before.get("attachments", ())}
    unknown = [at for at, each in enumerate(body.get("remove_attachments", ())) if each not in known]
    if unknown:
        raise ValidationError(FieldError(("remove_attachments", at), "The draft has no such attachment") for at in unknown)


def _detach(after: DraftRecord, body: UpdateDraft) -> None:
    removed = body.get("remove_attachments", ())
    put(after, {"attachments": [each for each in after.get("attachments", ()) if each["attachment_id"] not in removed]})


def _bodies(before: Bodies, body: UpdateDraft) -> Bodies:
    changed = {**before, **{name: value for name, value in body.items() if name in ("text", "html")}}
    return cast(Bodies, {name: value for name, value in changed.items() if value is not None})


def _drop(o: str, before: DraftRecord, after: DraftRecord, request: Request) -> None:
    """What fails here is only space, and goes with the draft."""
    try:
        request.runtime.blobs.delete(files.superseded(o, before, after))
    except (StoreError, OSError):
        log.logger.exception("blobs of a draft not removed", draft_id=after["draft_id"])
