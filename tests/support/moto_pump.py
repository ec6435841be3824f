"""What Lambda's event source mappings and EventBridge Scheduler do of themselves: one thread reads the queues and streams of a moto
stack, calls the template's functions, and fires the schedules whose time has come.

It looks into moto before it calls, because nearly always there is nothing to do.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from moto.dynamodb.models import dynamodb_backends
from moto.sqs.models import sqs_backends

from local.filters import passes
from local.invoke import Call
from local.queue_runner import failures
from local.template import QueueWorker, Template
from mailroom.aws.stream_records import stream_event
from mailroom.aws.streams import StreamFeed
from mailroom.clock import Clock
from mailroom.store.port import Table
from tests.support.schedules import ACCOUNT, REGION, fire_due

BATCH = 100
PAUSE_S = 0.01


class Stream(StreamFeed):
    """One table's. It has one shard, which stays."""

    def __init__(self, table: Table, name: str, *, client: Any, streams: Any) -> None:
        super().__init__(client, streams, {table: name})
        self.table = table
        self.position: str | None = None
        self.passed = 0
        self._shard = dynamodb_backends[ACCOUNT][REGION].tables[name].stream_shard

    def waiting(self) -> bool:
        return self._shard is not None and len(self._shard.items) > self.passed

    def _shards(self) -> Iterator[tuple[Table, str, str]]:
        yield from self._known

    @cached_property
    def _known(self) -> list[tuple[Table, str, str]]:
        return list(super()._shards())


class Pump:
    """`urls`: the address of each queue. Schedules are those of the group named `group`."""

    def __init__(
        self, template: Template, urls: Mapping[str, str], streams: list[Stream], *, group: str, sqs: Any, call: Call, clock: Clock
    ) -> None:
        self._template = template
        self._urls = urls
        self._streams = streams
        self._group = group
        self._sqs = sqs
        self._call = call
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            worked = [self._drain_queue(worker) for worker in self._template.queue_workers]
            worked += [self._drain_stream(stream) for stream in self._streams]
            if not any([*worked, fire_due(self._group, self._fire, now_ms=self._clock())]):
                self._stopping.wait(PAUSE_S)

    def _fire(self, arn: str, body: str) -> None:
        self._sqs.send_message(QueueUrl=self._urls[arn.rpartition("-")[2]], MessageBody=body)

    def _drain_queue(self, worker: QueueWorker) -> bool:
        url = self._urls[worker.queue]
        if not sqs_backends[ACCOUNT][REGION].get_queue(url.rpartition("/")[2]).messages:
            return False
        found = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=min(worker.batch_size, 10), WaitTimeSeconds=0).get(
            "Messages", []
        )
        if not found:
            return False
        records = [
            {
                "messageId": each["MessageId"],
                "body": each["Body"],
                "attributes": {"ApproximateReceiveCount": "1"},
                "eventSource": "aws:sqs",
            }
            for each in found
        ]
        everything = {each["messageId"] for each in records}
        try:
            failed = failures(self._call(worker.function, {"Records": records}, str(uuid.uuid4())), everything)
        except Exception:  # Lambda, too, hands the batch back whatever went wrong
            logging.exception("queue worker failed")
            failed = everything
        for each in found:
            if each["MessageId"] in failed:
                self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"], VisibilityTimeout=1)
            else:
                self._sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
        return True

    def _drain_stream(self, stream: Stream) -> bool:
        if not stream.waiting():
            return False
        records, position = stream.read(stream.position, BATCH)
        for worker in self._template.stream_workers:
            if worker.table == stream.table and (mine := [record for record in records if passes(record, worker.filters)]):
                try:
                    answer = self._call(worker.function, stream_event(mine), str(uuid.uuid4()))
                except Exception:
                    logging.exception("stream worker failed")
                    return False
                if failures(answer, {record.sequence for record in mine}):
                    return False
        stream.position, stream.passed = position, stream.passed + len(records)
        return bool(records)
