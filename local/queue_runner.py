"""Hands the messages of a queue to its function, as Lambda's event source mapping does."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from local.invoke import Call
    from local.queues import Received, SqliteQueues
    from local.template import QueueWorker

_AFTER_ERROR_S = 1.0
_REGION = "local"

_log = logging.getLogger(__name__)


class QueueRunner:
    """Hands the messages of one queue to its function, in a few threads."""

    def __init__(self, queues: SqliteQueues, worker: QueueWorker, *, call: Call, threads: int) -> None:
        self._queues = queues
        self._worker = worker
        self._call = call
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name=f"queue-{worker.queue}-{number}", daemon=True) for number in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Lets the batches in work finish."""
        self._stopping.set()
        for thread in self._threads:
            while thread.is_alive():
                self._queues.ring(self._worker.queue)
                thread.join(0.05)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self.run_once():
                    self._queues.wait(self._worker.queue)
            except StoreBusy:
                _log.exception("queue store unavailable", extra={"queue": self._worker.queue})
                self._stopping.wait(_AFTER_ERROR_S)

    def run_once(self) -> int:
        """One batch; how many messages it had."""
        batch = self._queues.receive(self._worker.queue, self._worker.batch_size)
        if batch:
            # There may be more for a sleeping neighbour.
            if len(batch) == self._worker.batch_size:
                self._queues.ring(self._worker.queue)
            self.work(batch)
        return len(batch)

    def work(self, batch: list[Received]) -> None:
        """Hands messages that were taken to the function, and settles them."""
        failed = self._deliver(batch)
        done = [message for message in batch if message.message_id not in failed]
        again = [message for message in batch if message.message_id in failed]
        self._settle(done, again)

    def _settle(self, done: list[Received], again: list[Received]) -> None:
        """Until it is stored, or the process ends: after a restart everything taken comes again."""
        while True:
            try:
                return self._queues.settle(self._worker.queue, done, again)
            except StoreBusy:
                _log.exception("cannot settle a batch", extra={"queue": self._worker.queue})
                if self._stopping.wait(_AFTER_ERROR_S):
                    return None

    def _deliver(self, batch: list[Received]) -> set[str]:
        """Ids of the messages that must come again."""
        everything = {message.message_id for message in batch}
        try:
            answer = self._call(self._worker.function, _event(self._worker.queue, batch), batch[0].message_id)
        except Exception:  # noqa: BLE001 - whatever a handler raises, its batch comes again
            _log.exception("queue handler failed", extra={"function": self._worker.function.name})
            return everything
        return failures(answer, everything) if self._worker.partial else set()


def failures(answer: Any, everything: set[str]) -> set[str]:
    """The ids that a partial batch response names; all of them where it is malformed, as Lambda does."""
    if not answer:
        return set()
    try:
        named = {entry["itemIdentifier"] for entry in answer.get("batchItemFailures") or ()}
    except (AttributeError, KeyError, TypeError):
        return everything
    return named if named <= everything else everything


def _event(queue: str, batch: list[Received]) -> dict[str, Any]:
    return {"Records": [_record(queue, message) for message in batch]}


def _record(queue: str, message: Received) -> dict[str, Any]:
    return {
        "messageId": message.message_id,
        "receiptHandle": str(message.seq),
        "body": message.body,
        "attributes": {"ApproximateReceiveCount": str(message.receives), "SentTimestamp": str(message.sent)},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{_REGION}:000000000000:{queue}",
        "awsRegion": _REGION,
    }
