"""The provider's notices about sent mail (SES event publishing through SNS and SQS).

Only `Send` means something so far: it finishes a send whose second half was lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailroom import log
from mailroom.messages.handover import Post
from mailroom.messages.repair import note_accepted
from mailroom.outbound.ses import INTENT_TAG, message_id

Failures = dict[str, list[dict[str, str]]]


def note_batch(event: Mapping[str, Any], post: Post, *, region: str) -> Failures:
    """Names the records that must come again."""
    failed = []
    for record in event["Records"]:
        try:
            note(record["body"], post, region=region)
        except Exception:  # noqa: BLE001 - one record must not take the others along
            log.logger.exception("provider notice not handled", queue_message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def note(body: str, post: Post, *, region: str) -> None:
    """Raises ValueError or KeyError for a malformed notice, and what the store raises."""
    notice = _unwrapped(body)
    kind = notice.get("eventType")
    if kind != "Send":
        log.logger.info("provider notice ignored", kind=str(kind)[:40])
        return
    mail = notice["mail"]
    for intent_id in mail.get("tags", {}).get(INTENT_TAG, ()):
        note_accepted(intent_id, message_id(mail["messageId"], region), post)


def _unwrapped(body: str) -> Mapping[str, Any]:
    """The notice without the topic's envelope; empty for text that is none (a topic's own messages)."""
    notice = json.loads(body)
    if isinstance(notice, Mapping) and "Message" in notice and "eventType" not in notice:
        try:
            notice = json.loads(notice["Message"])
        except ValueError:
            return {}
    return notice if isinstance(notice, Mapping) else {}
