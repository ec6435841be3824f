"""SES: whether it sends and receives for this deployment. Clients are botocore's."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from admin.doctor import names
from admin.doctor.findings import Finding, fail, ok, warn
from mailroom.ports import Identities, Resolver

MUCH = 0.8
"""Of the quota."""


def identity(domain: str, identities: Identities) -> Finding:
    state = identities.state(domain)
    if state is None:
        return fail(f"SES does not know {domain}: it neither sends nor receives for it.", f"Create the identity {domain} in SES.")
    if not state.sends:
        return fail(f"{domain} is not verified in SES (DKIM: {state.dkim}).", "Publish the DKIM records that SES shows for it.")
    return ok(f"{domain} is verified.")


def dkim(domain: str, ses: Any, resolver: Resolver) -> Finding:
    try:
        attributes = ses.get_email_identity(EmailIdentity=domain).get("DkimAttributes", {})
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") != "NotFoundException":
            raise
        return fail(f"SES does not know {domain}.", f"Create the identity {domain} in SES.")
    return names.dkim(attributes.get("Tokens", ()), domain, resolver)


def sandbox(account: dict[str, Any]) -> Finding:
    if account.get("ProductionAccessEnabled"):
        return ok("The account is out of the SES sandbox.")
    return warn(
        "The account is in the SES sandbox: it sends to verified addresses only.", "Request production access in the SES console."
    )


def sending(account: dict[str, Any]) -> Finding:
    status = account.get("EnforcementStatus", "HEALTHY")
    if not account.get("SendingEnabled"):
        return fail("SES does not send for this account.", "See the account's messages in the SES console; then enable sending.")
    if status != "HEALTHY":
        return warn(f"SES watches this account ({status}).", "Look for bounces and complaints, and suspend whoever causes them.")
    return ok("SES sends for this account.")


def quota(account: dict[str, Any]) -> Finding:
    found = account.get("SendQuota", {})
    most, sent = found.get("Max24HourSend", 0.0), found.get("SentLast24Hours", 0.0)
    text = (
        f"{sent:.0f} of {most:.0f} recipients of the last 24 hours are used; at most {found.get('MaxSendRate', 0.0):.0f} a second."
    )
    if most < 0:
        return ok(f"There is no daily limit; {sent:.0f} recipients in the last 24 hours.")
    if sent >= most:
        return fail(text, "Request a higher quota in the SES console; sends are put off until then.")
    return warn(text, "Request a higher quota in the SES console.") if sent >= most * MUCH else ok(text)


def receipt_rules(ours: str | None, ses: Any) -> Finding:
    """`ours`: the stack's rule set; None where it was deployed without. `ses` is the client of the first SES API."""
    if ours is None:
        return warn("The stack does not receive mail (ReceiveMail=false).", "Deploy with ReceiveMail=true where SES can receive.")
    active = ses.describe_active_receipt_rule_set().get("Metadata", {}).get("Name")
    if active == ours:
        return ok("The active receipt rule set is this stack's.")
    what = f"The active receipt rule set is {active}" if active else "No receipt rule set is active"
    return fail(f"{what}: no mail arrives here.", f"aws ses set-active-receipt-rule-set --rule-set-name {ours}")
