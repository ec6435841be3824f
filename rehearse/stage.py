"""What a story plays on: the deployed stack, its clients, and the sides of SES that the emulator leaves out."""

from __future__ import annotations

import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment

from rehearse.deployment import Deployment
from rehearse.emulator import Emulator
from rehearse.mails import arrival
from tests.support.nameserver import NameServer

T = TypeVar("T")
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """A new organization and the SDK on it."""

    api_key: str
    environment: AgentMailEnvironment
    client: AgentMail

    def with_key(self, api_key: str) -> AgentMail:
        return AgentMail(api_key=api_key, environment=self.environment, timeout=60)

    def call(self, method: str, path: str, *, token: str | None = None, **query: Any) -> dict[str, Any]:
        """Of an endpoint that the SDK does not know; with the organization's first key unless another credential is given."""
        headers = {"Authorization": f"Bearer {token or self.api_key}"}
        answer = httpx.request(method, f"{self.environment.http}/v0{path}", params=query, headers=headers, timeout=60)
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json())


@dataclass(frozen=True, slots=True)
class Stage:
    emulator: Emulator
    deployment: Deployment
    names: NameServer
    """The DNS that the deployment asks."""

    def account(self) -> Account:
        made = self.invoke("CreateOrganizationFunction", {})
        assert "api_key" in made, f"creating an organization answered {made}"
        return Account(made["api_key"], self._environment(), self.client(made["api_key"]))

    def client(self, api_key: str | None) -> AgentMail:
        """The SDK with this key; None for whoever has none yet."""
        return AgentMail(api_key=api_key or "none", environment=self._environment(), timeout=60)

    def _environment(self) -> AgentMailEnvironment:
        return AgentMailEnvironment(
            http=self.deployment.api(self.emulator), websockets=self.deployment.sockets(self.emulator).replace("http", "ws", 1)
        )

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """`function` by its logical id; its answer."""
        name = self.deployment.resources[function]
        answer = self.emulator.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, f"{function} failed: {said}"
        return said

    def arrive(self, raw: bytes, recipient: str) -> None:
        """What SES does with a mail: the object below ses/, then the notice."""
        identity = uuid.uuid4().hex
        bucket, key = self.deployment.outputs["BucketName"], f"ses/{identity}"
        self.emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=raw)
        self._announce(self.deployment.outputs["InboundTopicArn"], arrival(identity, recipient, bucket, key))

    def notify(self, notice: Mapping[str, Any]) -> None:
        """What SES says of a sent mail."""
        self._announce(self.deployment.resources["NoticesTopic"], notice)

    def intent_of(self, message_id: str) -> str:
        """The tag of a sent mail, which the emulator forgets."""
        found = self.emulator.client("dynamodb").scan(
            TableName=self.deployment.outputs["EphTableName"],
            FilterExpression="begins_with(pk, :sends) AND message_id = :message",
            ExpressionAttributeValues={":sends": {"S": "SEND#"}, ":message": {"S": message_id}},
        )
        (row,) = found["Items"]
        intent_id: str = row["intent_id"]["S"]
        return intent_id

    def sent(self) -> list[Any]:
        """What the emulator's SES took."""
        with urllib.request.urlopen(f"{self.emulator.url}/_ministack/ses/messages", timeout=10) as answer:
            accounts: dict[str, list[Any]] = json.load(answer)["messages"]
        return [mail for mails in accounts.values() for mail in mails]

    def blobs(self, prefix: str) -> list[str]:
        page = self.emulator.client("s3").list_objects_v2(Bucket=self.deployment.outputs["BucketName"], Prefix=prefix)
        return [entry["Key"] for entry in page.get("Contents", ())]

    def connections(self) -> int:
        """Sockets that are in the books."""
        expected = {":connections": {"S": "C#"}}
        table = self.deployment.outputs["EphTableName"]
        found = self.emulator.client("dynamodb").scan(
            TableName=table, FilterExpression="begins_with(pk, :connections)", ExpressionAttributeValues=expected
        )
        count: int = found["Count"]
        return count

    def in_queue(self, queue: str) -> int:
        """Messages of a queue, by its logical id, that wait or are worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]
        url = self.deployment.resources[queue]
        counts = self.emulator.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(counts.get(name, 0)) for name in names)

    def _announce(self, topic: str, notice: Mapping[str, Any]) -> None:
        self.emulator.client("sns").publish(TopicArn=topic, Message=json.dumps(notice))


def step(text: str) -> None:
    print(f"  {text}", flush=True)


def until(attempt: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (value := attempt()) is not None:
            return value
        time.sleep(0.25)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")


def download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body
