"""Sending domains as SES v2 identities, with Easy DKIM and a custom MAIL FROM domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mailroom.domains.dns import RETURN_PATH_LABEL
from mailroom.ports import Confirmation, Identity, IdentityRefused, IdentityState

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

OWNER_TAG = "mailroom-organization"

_CONFIRMATIONS: Mapping[str, Confirmation] = {
    "SUCCESS": "success",
    "PENDING": "pending",
    "TEMPORARY_FAILURE": "temporary_failure",
    "FAILED": "failed",
}
_REFUSED = {"BadRequestException", "LimitExceededException"}


class SesIdentities:
    """Implements `ports.Identities`. `client` is called on first use."""

    def __init__(self, *, region: str, client: Callable[[], SESV2Client]) -> None:
        self._region = region
        self._client = client

    def register(self, domain: str, organization_id: str, *, feedback: bool) -> Identity:
        client, foreign, return_path = self._client(), False, None
        try:
            attributes = client.create_email_identity(
                EmailIdentity=domain,
                DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
                Tags=[{"Key": OWNER_TAG, "Value": organization_id}],
            )["DkimAttributes"]
        except ClientError as error:
            if _code(error) in _REFUSED:
                raise IdentityRefused("The mail provider does not accept this domain") from error
            if _code(error) != "AlreadyExistsException":
                raise
            found = client.get_email_identity(EmailIdentity=domain)
            attributes, foreign = found["DkimAttributes"], _owner(found) != organization_id
            return_path = found.get("MailFromAttributes", {}).get("MailFromDomain")
        # Somebody else's mail may depend on a foreign identity, which is not proven to be the caller's yet: it gets what it lacks.
        if not foreign or not return_path:
            client.put_email_identity_mail_from_attributes(
                EmailIdentity=domain, MailFromDomain=f"{RETURN_PATH_LABEL}.{domain}", BehaviorOnMxFailure="USE_DEFAULT_VALUE"
            )
        if not foreign:
            self.set_feedback(domain, feedback)
        return self._identity(domain, attributes.get("Tokens", ()), foreign=foreign)

    def state(self, domain: str) -> IdentityState | None:
        try:
            found = self._client().get_email_identity(EmailIdentity=domain)
        except ClientError as error:
            if _code(error) == "NotFoundException":
                return None
            raise
        return IdentityState(
            dkim=_confirmation(found.get("DkimAttributes", {}).get("Status")),
            mail_from=_confirmation(found.get("MailFromAttributes", {}).get("MailFromDomainStatus")),
            sends=bool(found.get("VerifiedForSendingStatus")),
        )

    def set_feedback(self, domain: str, enabled: bool) -> None:
        self._client().put_email_identity_feedback_attributes(EmailIdentity=domain, EmailForwardingEnabled=enabled)

    def remove(self, domain: str, organization_id: str) -> None:
        client = self._client()
        try:
            if _owner(client.get_email_identity(EmailIdentity=domain)) == organization_id:
                client.delete_email_identity(EmailIdentity=domain)
        except ClientError as error:
            if _code(error) != "NotFoundException":
                raise

    def _identity(self, domain: str, tokens: Any, *, foreign: bool) -> Identity:
        return Identity(
            dkim=tuple(("CNAME", f"{token}._domainkey.{domain}", f"{token}.dkim.amazonses.com") for token in tokens),
            return_path_host=f"feedback-smtp.{self._region}.amazonses.com",
            spf="include:amazonses.com",
            inbound_host=f"inbound-smtp.{self._region}.amazonaws.com",
            foreign=foreign,
        )


def _owner(found: Mapping[str, Any]) -> str | None:
    return next((tag["Value"] for tag in found.get("Tags", ()) if tag["Key"] == OWNER_TAG), None)


def _confirmation(status: str | None) -> Confirmation:
    return _CONFIRMATIONS.get(status or "", "not_started")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
