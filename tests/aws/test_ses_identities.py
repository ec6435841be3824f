from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.stub import Stubber

from mailroom.aws import clients
from mailroom.aws.identities import OWNER_TAG, SesIdentities
from mailroom.ports import Identity, IdentityRefused, IdentityState
from tests.support.moto_stack import client
from tests.support.ses import confirm, identity


@pytest.fixture(scope="module")
def ses() -> Any:
    return client("sesv2")


@pytest.fixture
def calls(ses: Any) -> Any:
    """Names of the operations that were called."""
    made: list[str] = []
    ses.meta.events.register("before-call.sesv2", lambda model, **_: made.append(model.name), unique_id="calls")
    yield made
    ses.meta.events.unregister("before-call.sesv2", unique_id="calls")


@pytest.fixture
def identities(ses: Any) -> SesIdentities:
    return SesIdentities(region="eu-west-1", client=lambda: ses)


@pytest.fixture
def domain() -> str:
    return f"{uuid.uuid4().hex[:12]}.example.com"


@pytest.fixture
def register(identities: SesIdentities, domain: str) -> Callable[..., Identity]:
    return lambda o="org-1", **given: identities.register(domain, o, **{"feedback": True, **given})


def test_a_domain_gets_its_records_and_a_return_path_of_its_own(register: Callable[..., Identity], domain: str) -> None:
    made = register()

    tokens = identity(domain).dkim_attributes["Tokens"]
    assert made.dkim == tuple(("CNAME", f"{token}._domainkey.{domain}", f"{token}.dkim.amazonses.com") for token in tokens)
    assert (made.return_path_host, made.inbound_host) == (
        "feedback-smtp.eu-west-1.amazonses.com",
        "inbound-smtp.eu-west-1.amazonaws.com",
    )
    assert (made.spf, made.foreign) == ("include:amazonses.com", False)
    assert identity(domain).mail_from["MailFromDomain"] == f"mail.{domain}"
    assert identity(domain).mail_from["BehaviorOnMxFailure"] == "USE_DEFAULT_VALUE"
    assert identity(domain).dkim_attributes["NextSigningKeyLength"] == "RSA_2048_BIT"


def test_registering_again_changes_nothing(register: Callable[..., Identity], domain: str, calls: list[str]) -> None:
    first = register()
    confirm(domain)
    calls.clear()

    again = register()

    assert again == first
    assert calls == ["CreateEmailIdentity", "GetEmailIdentity"]


@pytest.mark.parametrize("enabled", [True, False])
def test_feedback_by_mail_is_as_wanted(register: Callable[..., Identity], domain: str, enabled: bool) -> None:
    register(feedback=enabled)

    assert identity(domain).feedback_forwarding_status is enabled


def test_what_stopped_between_two_calls_is_completed(register: Callable[..., Identity], domain: str, ses: Any) -> None:
    ses.create_email_identity(
        EmailIdentity=domain,
        DkimSigningAttributes={"NextSigningKeyLength": "RSA_2048_BIT"},
        Tags=[{"Key": OWNER_TAG, "Value": "org-1"}],
    )

    made = register(feedback=False)

    assert (made.foreign, len(made.dkim)) == (False, 3)
    assert identity(domain).mail_from["MailFromDomain"] == f"mail.{domain}"
    assert identity(domain).feedback_forwarding_status is False


@pytest.mark.parametrize("owner", [None, "org-2"])
def test_an_identity_of_somebody_else_is_left_as_it_is(
    register: Callable[..., Identity], domain: str, ses: Any, calls: list[str], owner: str | None
) -> None:
    tags = [] if owner is None else [{"Key": OWNER_TAG, "Value": owner}]
    ses.create_email_identity(EmailIdentity=domain, Tags=tags)
    calls.clear()

    made = register(feedback=False)

    assert made.foreign
    assert calls == ["CreateEmailIdentity", "GetEmailIdentity"]


def test_an_identity_of_somebody_else_is_completed_for_who_proved_to_own_the_domain(
    register: Callable[..., Identity], domain: str, ses: Any
) -> None:
    ses.create_email_identity(EmailIdentity=domain)

    made = register(feedback=False, proven=True)

    assert made.foreign
    assert identity(domain).mail_from["MailFromDomain"] == f"mail.{domain}"


def test_a_provider_that_gave_up_looks_again(
    register: Callable[..., Identity], identities: SesIdentities, domain: str, calls: list[str]
) -> None:
    register()
    confirm(domain, dkim="FAILED", mail_from="FAILED", sends=False)
    calls.clear()

    made = register()

    assert calls[2:] == ["PutEmailIdentityDkimSigningAttributes", "PutEmailIdentityMailFromAttributes"]
    assert len(made.dkim) == 3
    assert identities.state(domain) == IdentityState("pending", "pending", sends=False)


def test_an_identity_that_signs_with_a_key_from_elsewhere_needs_no_records_for_it(
    register: Callable[..., Identity], domain: str, ses: Any
) -> None:
    ses.create_email_identity(EmailIdentity=domain)
    identity(domain).dkim_attributes |= {"SigningAttributesOrigin": "EXTERNAL", "Tokens": ["selector"], "Status": "FAILED"}

    assert register(proven=True).dkim == ()


@pytest.mark.parametrize(
    ("dkim", "mail_from", "sends", "state"),
    [
        ("PENDING", "PENDING", False, IdentityState("pending", "pending", sends=False)),
        ("SUCCESS", "SUCCESS", True, IdentityState("success", "success", sends=True)),
        ("TEMPORARY_FAILURE", "FAILED", True, IdentityState("temporary_failure", "failed", sends=True)),
        ("NOT_STARTED", "TEMPORARY_FAILURE", False, IdentityState("not_started", "temporary_failure", sends=False)),
    ],
)
def test_what_ses_says_is_put_into_our_words(
    register: Callable[..., Identity],
    identities: SesIdentities,
    domain: str,
    dkim: str,
    mail_from: str,
    sends: bool,
    state: IdentityState,
) -> None:
    register()
    confirm(domain, dkim=dkim, mail_from=mail_from, sends=sends)

    assert identities.state(domain) == state


def test_of_a_domain_that_ses_does_not_know_there_is_no_state(identities: SesIdentities, domain: str) -> None:
    assert identities.state(domain) is None


@pytest.mark.parametrize(("owner", "gone"), [("org-1", True), ("org-2", False)])
def test_only_an_organizations_own_identity_is_removed(
    register: Callable[..., Identity], identities: SesIdentities, domain: str, owner: str, gone: bool
) -> None:
    register()

    identities.remove(domain, owner)

    assert (identity(domain) is None) is gone


def test_an_identity_that_was_there_before_the_deployment_is_not_removed(identities: SesIdentities, domain: str, ses: Any) -> None:
    ses.create_email_identity(EmailIdentity=domain)

    identities.remove(domain, "org-1")

    assert identity(domain) is not None


def test_removing_what_is_gone_is_no_error(identities: SesIdentities, domain: str) -> None:
    identities.remove(domain, "org-1")


@pytest.mark.parametrize("code", ["BadRequestException", "LimitExceededException"])
def test_a_domain_that_ses_will_not_have_is_refused_without_its_words(code: str) -> None:
    ses = client("sesv2")
    with Stubber(ses) as stub:
        stub.add_client_error("create_email_identity", code, "secret detail")

        with pytest.raises(IdentityRefused) as refused:
            SesIdentities(region="us-east-1", client=lambda: ses).register("example.com", "org-1", feedback=True)
    assert "secret detail" not in str(refused.value)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "InternalServiceErrorException", "ConcurrentModificationException"])
def test_what_may_pass_is_no_refusal(code: str) -> None:
    ses = client("sesv2")
    with Stubber(ses) as stub:
        stub.add_client_error("create_email_identity", code)

        with pytest.raises(ClientError):
            SesIdentities(region="us-east-1", client=lambda: ses).register("example.com", "org-1", feedback=True)


def test_calls_about_identities_are_repeated_and_sends_are_not() -> None:
    session = Session()
    session.set_credentials("test", "test")
    made = {
        config: session.create_client("sesv2", region_name="us-east-1", config=config)
        for config in (clients.IDENTITIES, clients.MAIL)
    }

    attempts = {config: each.meta.config.retries["total_max_attempts"] for config, each in made.items()}

    assert attempts == {clients.IDENTITIES: 4, clients.MAIL: 1}
