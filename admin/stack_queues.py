"""The queues of a stack: how deep they are, and SQS's own redrive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from admin.aws import Client
from admin.site import QueueState
from mailroom.clock import Clock

DEAD_LETTERS = "DeadLetterQueue"
WINDOW = timedelta(minutes=15)
_COUNTED = {
    "waiting": "ApproximateNumberOfMessages",
    "later": "ApproximateNumberOfMessagesDelayed",
    "working": "ApproximateNumberOfMessagesNotVisible",
}


class _Pair(NamedTuple):
    url: str | None
    """None where there are only dead letters: those of the change feed."""
    dead_url: str


class StackQueues:
    """Implements `QueueKeeper`. Numbers are SQS's approximations; ages are CloudWatch's, and a few minutes old."""

    def __init__(self, resources: Mapping[str, str], *, client: Client, clock: Clock) -> None:
        """`resources`: logical id -> physical id, which is a queue's URL."""
        self._client = client
        self._clock = clock
        found = {each.removesuffix(DEAD_LETTERS): url for each, url in resources.items() if each.endswith(DEAD_LETTERS)}
        self._pairs = {name.lower(): _Pair(resources.get(f"{name}Queue"), url) for name, url in found.items()}

    def states(self) -> list[QueueState]:
        ages = self._ages([url for pair in self._pairs.values() for url in pair if url is not None])
        return [self._state(name, pair, ages) for name, pair in sorted(self._pairs.items())]

    def redrive(self, queue: str) -> int:
        """SQS moves them from now on, each to the queue it came from; what did not come from one stays."""
        pair = self._pairs[queue]
        if pair.url is None:
            raise KeyError(queue)
        waiting = self._attributes(pair.dead_url)["waiting"]
        if waiting:
            arn = self._sqs.get_queue_attributes(QueueUrl=pair.dead_url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            self._sqs.start_message_move_task(SourceArn=arn)
        return waiting

    @property
    def _sqs(self) -> Any:
        return self._client("sqs")

    def _state(self, name: str, pair: _Pair, ages: Mapping[str, int]) -> QueueState:
        dead = self._attributes(pair.dead_url)["waiting"]
        counted = dict.fromkeys(_COUNTED, 0) if pair.url is None else self._attributes(pair.url)
        return QueueState(
            queue=name,
            **counted,
            oldest_s=ages.get(pair.url or ""),
            dead=dead,
            oldest_dead_s=ages.get(pair.dead_url),
            redrivable=pair.url is not None,
        )

    def _attributes(self, url: str) -> dict[str, int]:
        found = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTED.values()))["Attributes"]
        return {name: int(found[attribute]) for name, attribute in _COUNTED.items()}

    def _ages(self, urls: list[str]) -> dict[str, int]:
        """URL -> age of the oldest message, in seconds; of queues that hold none there is none."""
        names = {f"q{number}": url for number, url in enumerate(urls)}
        now = datetime.fromtimestamp(self._clock() / 1000, UTC)
        answer = self._client("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": each, "MetricStat": _oldest(url)} for each, url in names.items()],
            StartTime=now - WINDOW,
            EndTime=now,
            ScanBy="TimestampDescending",
        )
        newest = {names[each["Id"]]: each["Values"][0] for each in answer["MetricDataResults"] if each["Values"]}
        return {url: int(value) for url, value in newest.items() if value}


def _oldest(url: str) -> dict[str, Any]:
    dimensions = [{"Name": "QueueName", "Value": url.rpartition("/")[2]}]
    metric = {"Namespace": "AWS/SQS", "MetricName": "ApproximateAgeOfOldestMessage", "Dimensions": dimensions}
    return {"Metric": metric, "Period": 60, "Stat": "Maximum"}
