from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from mailroom.aws.queues import MAX_DELAY_S, QueueFailure, SqsQueues
from mailroom.ports import QueueMessage
from tests.support.moto_stack import client


@pytest.fixture
def url() -> str:
    answer: str = client("sqs").create_queue(QueueName=f"q{uuid.uuid4().hex}")["QueueUrl"]
    return answer


def test_a_body_arrives_as_json(url: str) -> None:
    sqs = client("sqs")

    SqsQueues({"purge": url}, client=lambda: sqs).send("purge", {"inbox_id": "a@b.c"})

    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {"inbox_id": "a@b.c"}


def test_a_delayed_message_is_not_there_yet(url: str) -> None:
    sqs = client("sqs")

    SqsQueues({"purge": url}, client=lambda: sqs).send("purge", {}, delay_s=MAX_DELAY_S)

    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessagesDelayed"] == "1"


@pytest.mark.parametrize("delay_s", [-1, MAX_DELAY_S + 1])
def test_a_delay_that_sqs_does_not_know_is_refused_here(url: str, delay_s: int) -> None:
    sqs = client("sqs")

    with pytest.raises(ValueError):
        SqsQueues({"purge": url}, client=lambda: sqs).send("purge", {}, delay_s=delay_s)


def test_a_queue_that_is_gone_is_an_os_error(url: str) -> None:
    sqs = client("sqs")
    sqs.delete_queue(QueueUrl=url)

    with pytest.raises(QueueFailure):
        SqsQueues({"purge": url}, client=lambda: sqs).send("purge", {})


def test_a_group_makes_the_queue_a_fair_one(url: str) -> None:
    sqs = client("sqs")

    SqsQueues({"deliveries": url}, client=lambda: sqs).send("deliveries", {}, group="ep_1")

    (message,) = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["MessageGroupId"])["Messages"]
    assert message["Attributes"]["MessageGroupId"] == "ep_1"


def test_many_messages_go_in_calls_of_ten(url: str) -> None:
    sqs = client("sqs")
    messages = [QueueMessage({"n": number}, group="g") for number in range(23)]

    SqsQueues({"deliveries": url}, client=lambda: sqs).send_many("deliveries", messages)

    found: list[int] = []
    while batch := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(message["Body"])["n"] for message in batch]
    assert sorted(found) == list(range(23))


class Overloaded:
    """Takes all but the first message of a call."""

    def send_message_batch(self, **arguments: Any) -> Any:
        return {"Failed": [{"Id": "0", "Code": "RequestThrottled", "SenderFault": False}]}


def test_a_message_that_was_not_taken_is_told(url: str) -> None:
    with pytest.raises(QueueFailure, match="RequestThrottled"):
        SqsQueues({"deliveries": url}, client=Overloaded).send_many("deliveries", [QueueMessage({})])  # type: ignore[arg-type]
