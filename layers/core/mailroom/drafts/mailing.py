"""The mail that a draft is: what was derived is stored with it, a forwarded source is merged now (spec: drafts.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, cast

from mailroom.drafts import claims
from mailroom.drafts.access import text_of
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.states import SCHEDULED
from mailroom.errors import NotFound, RaceCondition
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.forwarding import forward_body
from mailroom.messages import audience
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import source_files, stored_files
from mailroom.messages.idempotency import Finished
from mailroom.messages.intents import Guard
from mailroom.messages.labels import changed
from mailroom.messages.outgoing import NewMail
from mailroom.messages.record import Bodies, MessageRecord
from mailroom.messages.requests import MailBody
from mailroom.messages.sender import Sender, admit, dispatched, forwarded, prepared, require_no_loop
from mailroom.ports import BlobMissing
from mailroom.store import keys
from mailroom.store.port import Reads
from mailroom.threads.record import ThreadRecord


def send_claimed(
    sender: Sender,
    draft: DraftRecord,
    thread: ThreadRecord | None,
    by: Literal["caller", "timer"],
    *,
    add_labels: Iterable[str] = (),
    remove_labels: Iterable[str] = (),
    forced: bool = False,
    guards: Iterable[Guard] = (),
) -> Finished:
    """Runs the checks, claims the draft together with beginning the send, and sends. `thread`: the one to join, if it is there.

    Raises what the checks and `handover.dispatch` raise; a draft that was claimed is then given back already, unless nobody knows
    whether the mail went out. Conflict, NotFound and RaceCondition also for a draft that is not as it was read.
    """
    whom = audience.given(cast(MailBody, draft))
    source = _source(sender, draft)
    admit(sender, whom)
    require_no_loop(sender, draft.get("automatic"), thread, forced=forced or draft.get("force", False))
    given = ["sent", *(label for label in draft["labels"] if label != SCHEDULED)]
    labels = changed(given, add=list(add_labels), remove=list(remove_labels))
    mail = prepared(sender, _mail(sender, draft, whom, labels, source))
    claim, claiming = claims.claiming(sender.o, draft, mail.intent.intent_id, by)
    mail = mail._replace(intent=mail.intent._replace(draft=claim))
    return dispatched(sender, mail, thread, [Guard(claiming, claims.lost), *guards])


def _source(sender: Sender, draft: DraftRecord) -> MessageRecord | None:
    """What is forwarded; its text is read along. Raises NotFound where it was deleted; what is answered may be."""
    if "forward_of" not in draft:
        return None
    key = keys.message(sender.o, draft["inbox_id"], draft["forward_of"])
    sender.items.prefetch(Reads((key, keys.body(key))))
    if (row := sender.items.get(key)) is None:
        raise NotFound("The message to be forwarded is not there any more")
    return cast(MessageRecord, row)


def _mail(sender: Sender, draft: DraftRecord, whom: Audience, labels: list[str], source: MessageRecord | None) -> NewMail:
    blobs = sender.runtime.blobs
    content, files = _own_parts(sender, draft)
    text, html = content.get("text"), content.get("html")
    if source is not None:
        text, html = forward_body(forwarded(sender, source), text, html)
        files = [*source_files(sender.o, source, blobs=blobs), *files]
    return NewMail(
        audience=whom,
        headers={},
        subject=draft.get("subject"),
        text=text,
        html=html,
        reply_to=draft.get("reply_to", ()),
        labels=labels,
        attachments=files,
        in_reply_to=draft.get("in_reply_to"),
        references=draft.get("references", ()),
        thread_id=draft["thread_id"],
    )


def _own_parts(sender: Sender, draft: DraftRecord) -> tuple[Bodies, list[OutgoingAttachment]]:
    """Raises RaceCondition where they went with a change of the draft."""
    o, blobs = sender.o, sender.runtime.blobs
    try:
        content = text_of(o, draft, items=sender.items, blobs=blobs)
        return content, stored_files(o, draft["inbox_id"], draft["draft_id"], draft.get("attachments", ()), blobs=blobs)
    except (BlobMissing, NotFound):
        raise RaceCondition from None
