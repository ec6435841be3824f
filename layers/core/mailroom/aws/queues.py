"""Queues on SQS."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_DELAY_S = 900


class QueueFailure(OSError):
    """SQS could not be reached or refused, also after the client's retries."""


class SqsQueues:
    """Implements `ports.Queues`. `urls`: queue name -> URL. `client` is called on first use."""

    def __init__(self, urls: Mapping[str, str], *, client: Callable[[], SQSClient]) -> None:
        self._urls = dict(urls)
        self._client = client

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0) -> None:
        """Raises KeyError for a queue that this deployment has not, ValueError for a longer delay than SQS knows."""
        if not 0 <= delay_s <= MAX_DELAY_S:
            raise ValueError(f"a delay of {delay_s} s; SQS takes 0 to {MAX_DELAY_S}")
        text = json.dumps(body, separators=(",", ":"))
        try:
            self._client().send_message(QueueUrl=self._urls[queue], MessageBody=text, DelaySeconds=delay_s)
        except (ClientError, BotoCoreError) as error:
            raise QueueFailure(str(error)) from error
