"""Custom domains as SES identities: made once, told from those that were there before, removed only where they are ours."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.stub import Stubber

from mailroom.aws.identities import SesIdentities
from mailroom.ports import IdentityRefused
from tests.support.moto_stack import client
from tests.support.ses import confirm, identity


@pytest.fixture
def ses() -> Any:
    return client("sesv2")


@pytest.fixture
def identities(ses: Any) -> SesIdentities:
    return SesIdentities(region="eu-west-1", client=lambda: ses)


@pytest.fixture
def name() -> str:
    return f"{uuid.uuid4().hex}.example.com"


def test_an_identity_names_its_records(identities: SesIdentities, name: str) -> None:
    made = identities.register(name, "o-1", feedback=False)

    assert [(kind, record.partition(".")[2], value.partition(".")[2]) for kind, record, value in made.dkim] == [
        ("CNAME", f"_domainkey.{name}", "dkim.amazonses.com")
    ] * 3
    assert made[1:] == (
        "feedback-smtp.eu-west-1.amazonses.com",
        "include:amazonses.com",
        "inbound-smtp.eu-west-1.amazonaws.com",
        False,
    )
    found = identity(name)
    assert (found.mail_from["MailFromDomain"], found.feedback_forwarding_status) == (f"mail.{name}", False)


def test_registering_again_changes_nothing(identities: SesIdentities, name: str) -> None:
    first = identities.register(name, "o-1", feedback=True)
    confirm(name)

    assert identities.register(name, "o-1", feedback=True) == first
    state = identities.state(name)
    assert state is not None
    assert (state.dkim, state.mail_from, state.sends) == ("success", "success", True)


def test_an_identity_that_was_there_before_is_foreign_and_left_as_it_is(identities: SesIdentities, ses: Any, name: str) -> None:
    ses.create_email_identity(EmailIdentity=name)
    ses.put_email_identity_mail_from_attributes(EmailIdentity=name, MailFromDomain=f"bounces.{name}")
    ses.put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=True)

    made = identities.register(name, "o-1", feedback=False)
    identities.remove(name, "o-1")

    found = identity(name)
    assert made.foreign
    assert (found.mail_from["MailFromDomain"], found.feedback_forwarding_status) == (f"bounces.{name}", True)


def test_a_foreign_identity_gets_the_return_path_that_it_lacks(identities: SesIdentities, name: str, ses: Any) -> None:
    ses.create_email_identity(EmailIdentity=name)

    assert identities.register(name, "o-1", feedback=True).foreign
    assert identity(name).mail_from["MailFromDomain"] == f"mail.{name}"


def test_an_identity_is_removed_for_its_organization_only(identities: SesIdentities, name: str) -> None:
    identities.register(name, "o-1", feedback=True)

    identities.remove(name, "o-2")
    kept = identities.state(name)
    identities.remove(name, "o-1")
    identities.remove(name, "o-1")

    assert kept is not None
    assert identities.state(name) is None


def test_what_ses_refuses_says_so(name: str) -> None:
    refusing = client("sesv2")
    with Stubber(refusing) as stub:
        stub.add_client_error("create_email_identity", "LimitExceededException", http_status_code=400)
        with pytest.raises(IdentityRefused):
            SesIdentities(region="eu-west-1", client=lambda: refusing).register(name, "o-1", feedback=True)
