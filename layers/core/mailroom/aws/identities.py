"""Sending domains as SES v2 identities, with Easy DKIM and a custom MAIL FROM domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from mailroom.domains.dns import RETURN_PATH_LABEL
from mailroom.ports import Confirmation, Identity, IdentityRefused, IdentityState

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sesv2.type_defs import TagTypeDef

OWNER_TAG = "mailroom-organization"

_CONFIRMATIONS: Mapping[str, Confirmation] = {
    "SUCCESS": "success",
    "PENDING": "pending",
    "TEMPORARY_FAILURE": "temporary_failure",
    "FAILED": "failed",
}
_FORWARDED = True
"""What SES does for a new identity."""
_REFUSED = {"BadRequestException", "LimitExceededException"}


class SesIdentities:
    """Implements `ports.Identities`. `client` is called on first use."""

    def __init__(self, *, region: str, client: Callable[[], SESV2Client]) -> None:
        self._region = region
        self._client = client

    def register(self, domain: str, organization_id: str, *, feedback: bool, proven: bool = False) -> Identity:
        found = self._created(domain, organization_id) or self._client().get_email_identity(EmailIdentity=domain)
        foreign = _owner(found) != organization_id
        signing: Mapping[str, Any] = found["DkimAttributes"]
        if proven or not foreign:
            if signing.get("Status") == "FAILED" and signing.get("SigningAttributesOrigin") != "EXTERNAL":
                signing = self._looked_for_again(domain)
            self._complete(domain, found, feedback=feedback)
        return self._identity(domain, signing, foreign=foreign)

    def _created(self, domain: str, organization_id: str) -> Mapping[str, Any] | None:
        """None where there is one already. Raises IdentityRefused."""
        owner: TagTypeDef = {"Key": OWNER_TAG, "Value": organization_id}
        try:
            made = self._client().create_email_identity(
                EmailIdentity=domain, DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"}, Tags=[owner]
            )
        except ClientError as error:
            if _code(error) in _REFUSED:
                raise IdentityRefused("The mail provider does not accept this domain") from error
            if _code(error) != "AlreadyExistsException":
                raise
            return None
        return {"DkimAttributes": made["DkimAttributes"], "Tags": [owner]}

    def _looked_for_again(self, domain: str) -> Mapping[str, Any]:
        """SES looks for three days. The tokens may be others then."""
        made = self._client().put_email_identity_dkim_signing_attributes(EmailIdentity=domain, SigningAttributesOrigin="AWS_SES")
        return {"Tokens": made.get("DkimTokens", ())}

    def _complete(self, domain: str, found: Mapping[str, Any], *, feedback: bool) -> None:
        """Only what is different: SES begins anew with what is put, and takes one such call a second."""
        return_path, known = f"{RETURN_PATH_LABEL}.{domain}", found.get("MailFromAttributes", {})
        if known.get("MailFromDomain") != return_path or known.get("MailFromDomainStatus") == "FAILED":
            self._client().put_email_identity_mail_from_attributes(
                EmailIdentity=domain, MailFromDomain=return_path, BehaviorOnMxFailure="USE_DEFAULT_VALUE"
            )
        if found.get("FeedbackForwardingStatus", _FORWARDED) != feedback:
            self.set_feedback(domain, feedback)

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

    def _identity(self, domain: str, signing: Mapping[str, Any], *, foreign: bool) -> Identity:
        # Of an identity that signs with a key from elsewhere the tokens are no names of records.
        tokens = () if signing.get("SigningAttributesOrigin") == "EXTERNAL" else signing.get("Tokens", ())
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
