"""DKIM signatures of custom domains on one machine, checked by the library's own verification of the whole mail."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import dkim
import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import given, settings
from hypothesis import strategies as st

from local import canonical
from local.identities import LocalIdentities, SigningKey, new_key
from local.signing import Signer, signed
from local.store.database import Database
from mailroom.ports import MailerRefused, OutgoingMail
from mailroom.runtime import Runtime
from tests.support.domain_rows import released_domain, unverified_domain, verified_domain
from tests.support.fakes import memory_runtime

RAW = (
    b"Message-ID: <1@mailroom.local>\r\nFrom: Ann <ann@example.com>\r\nTo: bob@example.org\r\nSubject: Hello\r\n there\r\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nX-Other: 1\r\n\r\nHello  \t Bob \r\n\r\n.\r\n\r\n\r\n"
)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    opened = Database(":memory:")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def identities(database: Database) -> LocalIdentities:
    found = LocalIdentities(database, mail_host="mx.mailroom.local", spf="mx")
    for domain, o in (("example.com", "o"), ("x.example.com", "p")):
        found.register(domain, o, feedback=False)
    return found


@pytest.fixture(scope="module")
def key(identities: LocalIdentities) -> SigningKey:
    found = identities.key("example.com", "o")
    assert found is not None
    return found


@pytest.fixture
def runtime(database: Database) -> Runtime:
    runtime = memory_runtime(database)
    verified_domain(runtime, "o", "example.com", subdomains_enabled=True)
    verified_domain(runtime, "p", "x.example.com")
    return runtime


@pytest.fixture
def signer(runtime: Runtime, identities: LocalIdentities) -> Signer:
    return Signer(items=runtime.items, identities=identities, domain="mailroom.local")


def mail(inbox: str = "ann@example.com", o: str = "o") -> OutgoingMail:
    return OutgoingMail("i", inbox, ("bob@example.org",), RAW, o)


def verified(raw: bytes, identities: LocalIdentities) -> list[str]:
    """The domains whose signatures hold."""
    records = {
        name + ".": value.encode()
        for domain, o in (("example.com", "o"), ("x.example.com", "p"))
        for _, name, value in identities.register(domain, o, feedback=False).dkim
    }
    checker = dkim.DKIM(raw)
    count = sum(name.lower() == b"dkim-signature" for name, _ in checker.headers)
    found = []
    for index in range(count):
        if checker.verify(index, dnsfunc=lambda name, timeout: records[name.decode()]):
            found.append(checker.domain.decode())
    return found


def test_mail_of_a_domain_leaves_with_its_signature_and_return_path(signer: Signer, identities: LocalIdentities) -> None:
    leaving = signer.prepare(mail(), RAW)

    assert leaving.raw.endswith(RAW)
    assert leaving.bounces_to == "ann@mail.example.com"
    assert verified(leaving.raw, identities) == ["example.com"]


def test_mail_of_a_subdomain_is_signed_by_the_domain_above(signer: Signer, identities: LocalIdentities) -> None:
    leaving = signer.prepare(mail("ann@y.example.com"), RAW)

    assert leaving.bounces_to == "ann=y@mail.example.com"
    assert verified(leaving.raw, identities) == ["example.com"]


def test_another_organization_s_domain_is_signed_by_its_own_key_only(signer: Signer, identities: LocalIdentities) -> None:
    own, other = signer.prepare(mail("ann@x.example.com", "p"), RAW), signer.prepare(mail("ann@x.example.com", "o"), RAW)

    assert verified(own.raw, identities) == ["x.example.com"]
    assert other == (RAW, "ann@x.example.com")


def test_who_comes_too_late_to_register_a_domain_takes_its_key_from_nobody(signer: Signer, identities: LocalIdentities) -> None:
    identities.register("example.com", "late", feedback=False)

    assert verified(signer.prepare(mail(), RAW).raw, identities) == ["example.com"]


def test_two_calls_at_once_make_one_key(identities: LocalIdentities, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile = []

    def make() -> bytes:
        monkeypatch.setattr(identities, "make_key", new_key)
        meanwhile.append(identities.register("twice.example.com", "o", feedback=False))
        return new_key()

    monkeypatch.setattr(identities, "make_key", make)

    assert [identities.register("twice.example.com", "o", feedback=False)] == meanwhile


@pytest.mark.parametrize("inbox", ["ann@mailroom.local", "ann@former.example.net"])
def test_mail_of_the_deployment_s_own_domains_leaves_as_it_is(signer: Signer, inbox: str) -> None:
    assert signer.prepare(mail(inbox), RAW) == (RAW, inbox)


def test_without_a_domain_that_sends_there_is_no_signature(signer: Signer, runtime: Runtime) -> None:
    unverified_domain(runtime, "o", "example.com")
    waiting = signer.prepare(mail(), RAW)
    verified_domain(runtime, "o", "example.com")
    released_domain(runtime, "example.com")

    assert waiting == signer.prepare(mail(), RAW) == (RAW, "ann@example.com")


def test_a_former_owner_s_key_signs_nothing(signer: Signer, runtime: Runtime) -> None:
    verified_domain(runtime, "q", "example.com")

    assert signer.prepare(mail(o="q"), RAW) == (RAW, "ann@mail.example.com")


@pytest.mark.parametrize(
    "change",
    [
        (b"From: Ann", b"From: Eve <eve@example.org>\r\nFrom: Ann"),
        (b"\r\nTo:", b"\r\nReply-To: eve@example.org\r\nTo:"),
        (b"\r\nTo:", b"\r\nSubject: More\r\nTo:"),
        (b"\r\nTo:", b"\r\nCc: eve@example.org\r\nTo:"),
        (b"Bob", b"Eve"),
        (b"Hello\r\n there", b"Hello\r\n you"),
        (b"\r\n.\r\n", b"\r\n.\r\nMore\r\n"),
    ],
)
def test_a_mail_that_was_changed_does_not_verify(key: SigningKey, identities: LocalIdentities, change: tuple[bytes, bytes]) -> None:
    raw = signed(RAW, key).replace(*change)

    try:
        found = verified(raw, identities)
    except dkim.ValidationError:
        found = []

    assert found == []


def test_what_transport_changes_leaves_the_signature_whole(key: SigningKey, identities: LocalIdentities) -> None:
    raw = b"Received: from x\r\n" + signed(RAW, key).replace(b"Hello\r\n there", b"Hello there").replace(b"  \t Bob \r", b" Bob\r")

    assert verified(raw, identities) == ["example.com"]


def test_one_mail_signed_by_many_threads_is_signed_well_by_each(key: SigningKey, identities: LocalIdentities) -> None:
    found: list[bytes] = []
    threads = [threading.Thread(target=lambda: found.append(signed(RAW, key))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [verified(raw, identities) for raw in found] == [["example.com"]] * 8


@pytest.mark.parametrize(
    "raw", [b"\r\nbody\r\n", b"", b"From: a@example.com", b"From: a@example.com\r\n\r\n" + b" " * 3_000_000 + b"x\r\n"]
)
def test_a_mail_of_any_shape_is_signed_at_once(key: SigningKey, raw: bytes) -> None:
    assert signed(raw, key).startswith(b"DKIM-Signature:")


def test_what_cannot_be_signed_is_refused(key: SigningKey) -> None:
    with pytest.raises(MailerRefused):
        signed(b"Not a header\r\n\r\nbody\r\n", key)


@settings(max_examples=200)
@given(st.text(" \t\r\nab", max_size=30).map(str.encode))
def test_bodies_are_canonical_as_the_library_has_them(text: bytes) -> None:
    head, body = canonical.split(b"X: 1\r\n\r\n" + text + b"\r\n")

    assert head == b"X: 1\r\n"
    assert canonical.prepared(body, relaxed=True) == Relaxed.canonicalize_body(body)
    assert (canonical.prepared(body, relaxed=False) or b"\r\n") == Simple.canonicalize_body(body)
    assert dkim.rfc822_parse(b"X: 1\r\n\r\n" + text + b"\r\n")[1] == body
