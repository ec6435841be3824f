from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from botocore.session import Session
from botocore.stub import Stubber

from local.store.sqlite import SqliteItemStore
from mailroom.aws import clients
from mailroom.aws.mailer import WAITS_S, SesMailer
from mailroom.ports import MailerRefused, MailerThrottled, OutgoingMail
from mailroom.store import keys
from tests.support.moto_stack import client

MAIL = OutgoingMail("intent-1", "agent@mailroom.local", ("ann@example.com", "bob@example.com"), b"Subject: x\r\n\r\nx", "o")
EXPECTED = {
    "FromEmailAddress": MAIL.return_path,
    "Destination": {"ToAddresses": list(MAIL.recipients)},
    "Content": {"Raw": {"Data": MAIL.raw}},
    "EmailTags": [{"Name": "intent", "Value": "intent-1"}],
    "ConfigurationSetName": "notices",
}


class Desk:
    """A mailer over a scripted SES, and how long it waited."""

    def __init__(self, items: SqliteItemStore, region: str = "us-east-1") -> None:
        self.waited: list[float] = []
        self.ses = client("sesv2")
        self.stub = Stubber(self.ses)
        self.stub.activate()
        self.mailer = SesMailer(
            region=region, configuration_set="notices", items=items, client=lambda: self.ses, sleep=self.waited.append
        )


@pytest.fixture
def desk(items: SqliteItemStore) -> Desk:
    return Desk(items)


@pytest.mark.parametrize(("region", "host"), [("us-east-1", "email.amazonses.com"), ("eu-west-1", "eu-west-1.amazonses.com")])
def test_the_message_id_is_the_one_that_recipients_see(items: SqliteItemStore, region: str, host: str) -> None:
    desk = Desk(items, region)
    desk.stub.add_response("send_email", {"MessageId": "0100-abc"}, EXPECTED)

    assert desk.mailer.send(MAIL) == f"<0100-abc@{host}>"


def test_throttling_is_tried_three_times_within_three_seconds(desk: Desk) -> None:
    for _ in range(3):
        desk.stub.add_client_error("send_email", "TooManyRequestsException", http_status_code=429)

    with pytest.raises(MailerThrottled):
        desk.mailer.send(MAIL)
    assert desk.waited == list(WAITS_S)
    assert sum(desk.waited) < 3
    desk.stub.assert_no_pending_responses()


def test_a_send_that_was_throttled_once_succeeds(desk: Desk) -> None:
    desk.stub.add_client_error("send_email", "TooManyRequestsException", http_status_code=429)
    desk.stub.add_response("send_email", {"MessageId": "1"}, EXPECTED)

    assert desk.mailer.send(MAIL) == "<1@email.amazonses.com>"


@pytest.mark.parametrize(
    "code", ["MessageRejected", "AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException"]
)
def test_a_refusal_is_the_senders_to_fix(desk: Desk, code: str) -> None:
    desk.stub.add_client_error("send_email", code, "secret detail", http_status_code=400)

    with pytest.raises(MailerRefused) as refused:
        desk.mailer.send(MAIL)
    assert "secret detail" not in str(refused.value)
    assert desk.waited == []


def test_an_inner_failure_is_not_known_to_be_a_refusal(desk: Desk) -> None:
    desk.stub.add_client_error("send_email", "InternalServerErrorException", http_status_code=500)

    with pytest.raises(ClientError):
        desk.mailer.send(MAIL)
    assert desk.waited == []


def test_an_answer_that_never_came_is_not_tried_again(items: SqliteItemStore) -> None:
    """Over the client that a function has: a repeated SendEmail is a second mail."""
    attempts: list[str] = []
    session = Session()
    session.set_credentials("test", "test")
    ses: Any = session.create_client("sesv2", region_name="us-east-1", config=clients.MAIL)

    def lose(**_: Any) -> None:
        attempts.append("sent")
        raise ReadTimeoutError(endpoint_url="https://email.us-east-1.amazonaws.com")

    ses.meta.events.register("before-send.sesv2.SendEmail", lose)
    mailer = SesMailer(region="us-east-1", configuration_set=None, items=items, client=lambda: ses, sleep=lambda _: None)

    with pytest.raises(ReadTimeoutError):
        mailer.send(MAIL)
    assert attempts == ["sent"]


def test_whether_a_mail_was_taken_stands_on_its_intent(desk: Desk, items: SqliteItemStore) -> None:
    items.put(keys.intent("intent-1"), {"provider_message_id": "<1@email.amazonses.com>"})

    assert desk.mailer.accepted("intent-1") == "<1@email.amazonses.com>"
    assert desk.mailer.accepted("intent-2") is None
