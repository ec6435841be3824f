"""Every type of event, from what causes it to a webhook's receiver, the published SDK's socket, a polling webhook and the log: once
on each, the same on all, strictly by the contract. On SQLite and on moto."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from agentmail import AgentMail, Subscribe
from agentmail.environment import AgentMailEnvironment

from mailroom.clock import now_ms, to_wire
from mailroom.config import Config
from mailroom.events import types
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.tracking.pixel import GIF
from mailroom.tracking.tokens import Mark, seal
from tests.support.contract import event_problems
from tests.support.domain_rows import inbox_at, publish, registered, verified_domain
from tests.support.moto_stack import MotoStack
from tests.support.polling import eventually
from tests.support.receiver import LocalReceiver, receiving
from tests.support.stacks import Mailbox, SqliteStack

# The SDK imports names that newer releases of websockets call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning", "ignore:remove second argument:DeprecationWarning")

CONFIG = Config(rate_per_second=0, webhook_allow_private=True)
CHANNELS = ("webhook", "socket", "polling", "log")
PATIENCE_S, SILENCE_S = 30, 0.5
EXPECTED = Counter(types.ALL)

ANSWER = """\
From: Ann <ann@example.com>
To: {inbox}
Subject: Re: Order
Message-ID: <answer.{inbox}>
In-Reply-To: {message_id}

Gr\u00fc\u00dfe
"""

CLASSES = {
    **dict.fromkeys((types.RECEIVED, *types.FILTERED), "MessageReceivedEvent"),
    types.SENT: "MessageSentEvent",
    types.DELIVERED: "MessageDeliveredEvent",
    types.BOUNCED: "MessageBouncedEvent",
    types.COMPLAINED: "MessageComplainedEvent",
    types.REJECTED: "MessageRejectedEvent",
    types.OPENED: "MessageOpenedEvent",
    types.DOMAIN_VERIFIED: "DomainVerifiedEvent",
    types.DRAFT_CANCELLED: "MessageReceivedEvent",
}
"""Event type -> what the SDK makes of its frame: of one that it does not know, its first type, with the fields as they came. Nobody
gets that one without naming it."""


@dataclass(frozen=True)
class Heard:
    """What each channel said, as it said it."""

    events: dict[str, list[dict[str, Any]]]
    decoded: list[Any]
    """By the SDK, of the frames in the same order."""
    receiver: LocalReceiver


class Recorder:
    """Stands between the SDK and its connection and keeps the frames. Patience ends with TimeoutError."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.frames: list[dict[str, Any]] = []
        self.patience_s: float = PATIENCE_S

    def recv(self) -> str:
        text: str = self._connection.recv(timeout=self.patience_s)
        self.frames.append(json.loads(text))
        return text

    def send(self, data: str) -> None:
        self._connection.send(data)


@pytest.fixture(scope="module", params=["sqlite", "moto"])
def heard(request: pytest.FixtureRequest) -> Iterator[Heard]:
    backend = SqliteStack(CONFIG) if request.param == "sqlite" else MotoStack(CONFIG)
    with backend as running, contextlib.closing(Mailbox(running)) as stack, receiving() as receiver:
        receiver.secret = subscribe_webhook(stack, receiver.url)
        read_polled = subscribe_polling(stack)
        environment = AgentMailEnvironment(http=running.http, websockets=running.ws)
        with AgentMail(api_key=running.api_key, environment=environment).websockets.connect() as socket:
            recorder = Recorder(socket._websocket)
            socket._websocket = recorder
            socket.send_subscribe(Subscribe(event_types=list(types.ALL)))
            assert socket.recv().type == "subscribed"
            recorder.frames.clear()
            make_everything_happen(stack)
            decoded = drained(socket, recorder)
        eventually(lambda: len(receiver.event_ids()) >= EXPECTED.total())
        events = {
            "webhook": [each.event for each in list(receiver.received)],
            "socket": recorder.frames,
            "polling": read_polled(),
            "log": stack.http.get("/events", params={"after": 0, "limit": 250}).json()["events"],
        }
        yield Heard(events, decoded, receiver)


def subscribe_webhook(stack: Mailbox, url: str) -> str:
    made = stack.http.post("/webhooks", {"url": url, "event_types": list(types.ALL)})
    return str(made.json()["secret"])


def subscribe_polling(stack: Mailbox) -> Callable[[], list[dict[str, Any]]]:
    made = stack.http.post("/webhooks/polling", {"client_id": "poller", "event_types": list(types.ALL)}).json()

    def read() -> list[dict[str, Any]]:
        page = stack.strict(made["token"]).get(f"/webhooks/polling/{made['webhook_id']}/events", params={"limit": 250}).json()
        assert page["done"]
        return list(page["data"])

    return read


def drained(socket: Any, recorder: Recorder) -> list[Any]:
    """All events; then nothing more comes for a while."""
    decoded = [socket.recv() for _ in range(EXPECTED.total())]
    recorder.patience_s = SILENCE_S
    with contextlib.suppress(TimeoutError):
        while True:
            decoded.append(socket.recv())
    return decoded


def make_everything_happen(stack: Mailbox) -> None:
    o = str(stack.http.get("/auth/me").json()["organization_id"])
    inbox = tracked_inbox(stack, o)
    arrive(stack, inbox, "spam=FAIL")
    arrive(stack, inbox, "spf=GRAY, dkim=GRAY")
    stack.http.post(f"/inboxes/{inbox}/lists/receive/block", {"entry": "blocked.example.com"})
    arrive(stack, inbox, author="Eve <eve@blocked.example.com>")
    sent = send_to_simulator(stack, inbox)
    stack.runtime.queues.send("notices", rejection(inbox, sent["message_id"]))
    answer_before_the_follow_up(stack, inbox, sent)
    open_mail(stack, o, inbox, sent["message_id"])
    verify_domain(stack, o)


def tracked_inbox(stack: Mailbox, o: str) -> str:
    """On a domain with open tracking."""
    domain, pod_id = f"t{uuid.uuid4().hex[:12]}.example.com", stack.http.get("/pods").json()["pods"][0]["pod_id"]
    verified_domain(stack.runtime, o, domain, tracking_enabled=True, feedback_enabled=False)
    return inbox_at(stack.runtime, o, f"agent@{domain}", pod_id=pod_id)


def answer_before_the_follow_up(stack: Mailbox, inbox: str, sent: dict[str, str]) -> None:
    """The one mail that arrives without a fault; it cancels the draft, which is due only once it is there."""
    drafts, message_id = stack.client.inboxes.drafts, sent["message_id"]
    made = drafts.create(
        inbox,
        in_reply_to=message_id,
        to=["ann@example.com"],
        text="Any news?",
        send_at=datetime.now(UTC) + timedelta(hours=1),
        request_options={"additional_body_parameters": {"cancel_on": "reply"}},
    )
    stack.deliver(ANSWER.format(inbox=inbox, message_id=message_id).replace("\n", "\r\n").encode(), inbox)
    eventually(lambda: stack.client.inboxes.threads.get(inbox, sent["thread_id"]).message_count == 2)
    drafts.update(inbox, made.draft_id, send_at=datetime.now(UTC) + timedelta(seconds=1))


def arrive(stack: Mailbox, inbox: str, verdicts: str = "spam=PASS", *, author: str = "Ann <ann@example.com>") -> None:
    fields = {"From": author, "To": inbox, "Subject": "Hello", "Message-ID": f"<{uuid.uuid4()}@example.com>"}
    head = "".join(f"{name}: {value}\r\n" for name, value in (fields | {"X-Mailroom-Verdicts": verdicts}).items())
    stack.deliver(f"{head}\r\nGr\u00fc\u00dfe\r\n".encode(), inbox)


def send_to_simulator(stack: Mailbox, inbox: str) -> dict[str, str]:
    names = ("success", "bounce", "complaint")
    to = [f"{name}+{uuid.uuid4().hex}@simulator.amazonses.com" for name in names]
    body = {"to": to, "subject": "Order", "text": "One", "html": "<p>One</p>", "track_opens": True}
    return dict(stack.http.post(f"/inboxes/{inbox}/messages/send", body).json())


def open_mail(stack: Mailbox, o: str, inbox: str, message_id: str) -> None:
    row = stack.runtime.items.get(keys.message(o, inbox, message_id))
    assert row is not None
    token = seal(Mark(o, inbox, row["uid"]), signing_key(stack.runtime))
    assert httpx.get(f"{stack.backend.http}/v0/opens/{token}", trust_env=False).content == GIF


def rejection(inbox: str, message_id: str) -> dict[str, Any]:
    mail = {"timestamp": to_wire(now_ms()), "messageId": message_id, "source": inbox, "tags": {}}
    return {"eventType": "Reject", "mail": mail, "reject": {"reason": "Bad content"}}


def verify_domain(stack: Mailbox, o: str) -> None:
    record = registered(stack.runtime, o, f"{uuid.uuid4().hex[:12]}.example.com", tracking_enabled=True)
    publish(stack.backend.names, record)
    stack.client.domains.verify(record["domain"])


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_type_of_event_is_heard_on_every_channel(heard: Heard, channel: str) -> None:
    assert Counter(event["event_type"] for event in heard.events[channel]) == EXPECTED


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_event_is_heard_twice(heard: Heard, channel: str) -> None:
    ids = [event["event_id"] for event in heard.events[channel]]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_channel_says_the_same_of_an_event(heard: Heard, channel: str) -> None:
    said, logged = ({event["event_id"]: event for event in heard.events[each]} for each in (channel, "log"))

    assert said == logged


@pytest.mark.parametrize("channel", CHANNELS)
def test_every_event_is_strictly_as_the_contract_has_it(heard: Heard, channel: str) -> None:
    assert [problem for event in heard.events[channel] for problem in event_problems(event)] == []


@pytest.mark.parametrize("channel", ["socket", "polling", "log"])
def test_channels_in_order_have_the_same_one(heard: Heard, channel: str) -> None:
    positions = [event["position"] for event in heard.events[channel]]

    assert positions == sorted(positions)


def test_every_event_is_signed_and_sent_under_its_id(heard: Heard) -> None:
    assert heard.receiver.refused == []
    assert heard.receiver.event_ids() == [event["event_id"] for event in heard.events["webhook"]]


def test_the_sdk_takes_every_frame_for_what_it_is(heard: Heard) -> None:
    frames = heard.events["socket"]

    assert [type(each).__name__ for each in heard.decoded] == [CLASSES[frame["event_type"]] for frame in frames]
    assert [each.event_type for each in heard.decoded] == [frame["event_type"] for frame in frames]
