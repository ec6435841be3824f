from __future__ import annotations

import json
import uuid

import pytest

from mailroom.aws.queues import MAX_DELAY_S, QueueFailure, SqsQueues
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
