"""Queues on SQS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

    from mailroom.ports import QueueMessage

MAX_DELAY_S = 900
MAX_BATCH = 10
"""What SQS takes in one call."""


class _Grouped(TypedDict, total=False):
    MessageGroupId: str


class QueueFailure(OSError):
    """SQS could not be reached or refused, also after the client's retries."""


class SqsQueues:
    """Implements `ports.Queues`. `urls`: queue name -> URL. `client` is called on first use."""

    def __init__(self, urls: Mapping[str, str], *, client: Callable[[], SQSClient]) -> None:
        self._urls = dict(urls)
        self._client = client

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0, group: str | None = None) -> None:
        """Raises KeyError for a queue that this deployment has not, ValueError for a longer delay than SQS knows. A group on a
        standard queue makes it a fair one."""
        if not 0 <= delay_s <= MAX_DELAY_S:
            raise ValueError(f"a delay of {delay_s} s; SQS takes 0 to {MAX_DELAY_S}")
        url = self._urls[queue]
        try:
            self._client().send_message(QueueUrl=url, MessageBody=_dump(body), DelaySeconds=delay_s, **_grouped(group))
        except (ClientError, BotoCoreError) as error:
            raise QueueFailure(str(error)) from error

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        """Raises KeyError for a queue that this deployment has not, QueueFailure where SQS did not take all of them."""
        url = self._urls[queue]
        for start in range(0, len(messages), MAX_BATCH):
            batch = messages[start : start + MAX_BATCH]
            entries = [_entry(number, message) for number, message in enumerate(batch)]
            try:
                answer = self._client().send_message_batch(QueueUrl=url, Entries=entries)
            except (ClientError, BotoCoreError) as error:
                raise QueueFailure(str(error)) from error
            if failed := answer.get("Failed"):
                raise QueueFailure(f"{len(failed)} of {len(batch)} messages were not taken: {failed[0].get('Code')}")


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def _entry(number: int, message: QueueMessage) -> SendMessageBatchRequestEntryTypeDef:
    entry: SendMessageBatchRequestEntryTypeDef = {"Id": str(number), "MessageBody": _dump(message.body)}
    if message.group is not None:
        entry["MessageGroupId"] = message.group
    return entry


def _grouped(group: str | None) -> _Grouped:
    return {} if group is None else {"MessageGroupId": group}
