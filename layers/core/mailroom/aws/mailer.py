"""Mail out through SES v2."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from mailroom.outbound.ses import INTENT_TAG, message_id
from mailroom.ports import MailerRefused, MailerThrottled, OutgoingMail
from mailroom.store import keys

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

    from mailroom.store.port import ItemStore

WAITS_S = (0.8, 1.6)
"""Between the tries of a throttled send: 3 tries within 3 s (design: flows.md)."""

_THROTTLED = {"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}
_REFUSED = {
    "MessageRejected": "The mail provider rejected the message",
    "AccountSuspendedException": "Sending is suspended by the mail provider",
    "SendingPausedException": "Sending is paused at the mail provider",
    "MailFromDomainNotVerifiedException": "The sending domain is not verified with the mail provider",
    "BadRequestException": "The mail provider does not accept the message",
}


class SesMailer:
    """Implements `ports.Mailer`. `client` is called on first use and must not retry by itself."""

    def __init__(
        self,
        *,
        region: str,
        configuration_set: str | None,
        items: ItemStore,
        client: Callable[[], SESV2Client],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._region = region
        self._configuration_set = configuration_set
        self._items = items
        self._client = client
        self._sleep = sleep

    def send(self, mail: OutgoingMail) -> str:
        for wait in WAITS_S:
            try:
                return self._send(mail)
            except MailerThrottled:
                self._sleep(wait)
        return self._send(mail)

    def accepted(self, intent_id: str) -> str | None:
        """The provider cannot be asked; its `Send` notice leaves the id on the intent."""
        row = self._items.get(keys.intent(intent_id))
        provider_message_id: str | None = (row or {}).get("provider_message_id")
        return provider_message_id

    def _send(self, mail: OutgoingMail) -> str:
        settings = {"ConfigurationSetName": self._configuration_set} if self._configuration_set else {}
        try:
            answer = self._client().send_email(
                FromEmailAddress=mail.return_path,
                Destination={"ToAddresses": list(mail.recipients)},
                Content={"Raw": {"Data": mail.raw}},
                EmailTags=[{"Name": INTENT_TAG, "Value": mail.intent_id}],
                **settings,  # type: ignore[arg-type]
            )
        except (EndpointConnectionError, ConnectTimeoutError) as error:
            # No connection, no mail: unlike a read timeout this is known.
            raise MailerThrottled from error
        except ClientError as error:
            raise _sorted(error) from error
        return message_id(answer["MessageId"], self._region)


def _sorted(error: ClientError) -> Exception:
    """By what the sender can do: wait, change the mail, or nothing known."""
    code = error.response.get("Error", {}).get("Code", "")
    if code in _THROTTLED:
        return MailerThrottled(retry_after=1)
    if code in _REFUSED:
        return MailerRefused(_REFUSED[code])
    return error
