"""What moto's SES v2 lacks of sending identities: tokens, the custom MAIL FROM domain, feedback, a second creation that is refused,
and the provider's confirmation, which tests give and take."""

from __future__ import annotations

import hashlib
import json
import re
from functools import cache
from typing import Any
from urllib.parse import unquote

from moto.core.exceptions import JsonRESTError
from moto.ses.models import EmailIdentity, ses_backends
from moto.sesv2 import urls
from moto.sesv2.models import SESV2Backend
from moto.sesv2.responses import SESV2Response

from tests.support.schedules import ACCOUNT, REGION


class AlreadyExists(JsonRESTError):
    code = 400

    def __init__(self, name: str) -> None:
        super().__init__("AlreadyExistsException", f"Email identity {name} already exist.")


@cache
def complete() -> None:
    """Once for the process, before the first request."""
    created, made, shown = SESV2Backend.create_email_identity, EmailIdentity.__init__, EmailIdentity.get_response_object.fget

    def create(self: Any, email_identity: str, *rest: Any, **named: Any) -> Any:
        if email_identity in self.core_backend.email_identities:
            raise AlreadyExists(email_identity)
        return created(self, email_identity, *rest, **named)

    def init(self: Any, email_identity: str, *rest: Any, **named: Any) -> None:
        made(self, email_identity, *rest, **named)
        digest = hashlib.sha256(email_identity.encode()).hexdigest()
        self.dkim_attributes |= {"Tokens": [digest[start : start + 32] for start in (0, 16, 32)], "Status": "PENDING"}
        self.mail_from: dict[str, Any] = {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"}

    def show(self: Any) -> dict[str, Any]:
        return {**shown(self), "MailFromAttributes": self.mail_from}

    SESV2Backend.create_email_identity = create
    EmailIdentity.__init__ = init
    EmailIdentity.get_response_object = property(show)
    for attribute in ("mail-from", "feedback"):
        urls.url_paths[f"{{0}}/v2/email/identities/(?P<EmailIdentity>[^/]+)/{attribute}$"] = SESV2Response.dispatch
    SESV2Response.put_email_identity_mail_from_attributes = _put_mail_from
    SESV2Response.put_email_identity_feedback_attributes = _put_feedback


def identity(domain: str) -> Any:
    """As SES has it; None where it has none."""
    return ses_backends[ACCOUNT][REGION].email_identities.get(domain)


def confirm(domain: str, *, dkim: str = "SUCCESS", mail_from: str = "SUCCESS", sends: bool = True) -> None:
    found = identity(domain)
    found.dkim_attributes["Status"] = dkim
    found.mail_from["MailFromDomainStatus"] = mail_from
    found.verified_for_sending_status = sends


def _put_mail_from(self: Any) -> str:
    found, body = self.sesv2_backend.get_email_identity(_named(self)), json.loads(self.body)
    if found.mail_from.get("MailFromDomain") != body["MailFromDomain"]:
        found.mail_from = {**body, "MailFromDomainStatus": "PENDING"}
    return "{}"


def _put_feedback(self: Any) -> str:
    self.sesv2_backend.get_email_identity(_named(self)).feedback_forwarding_status = json.loads(self.body)["EmailForwardingEnabled"]
    return "{}"


def _named(response: Any) -> str:
    match = re.search(r"/identities/([^/]+)/", response.uri)
    assert match is not None
    return unquote(match[1])
