"""SPF, DKIM and DMARC of arriving mail, with real signatures, and DNS as a test says it is (spec: labels.md)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dkim
import pytest

from local import authentication, dkim_check, spf_check
from local.authentication import Authentication, Origin, author_domains
from local.identities import LocalIdentities, SigningKey
from local.lookups import MOST, SECONDS, Lookups
from local.notice import Verdicts
from local.signing import signed
from local.store.database import Database
from mailroom.ports import LookupFailed
from tests.support.fakes import Names

PEER = "192.0.2.1"
RAW = b"From: Ann <ann@example.com>\r\nTo: bob@mailroom.local\r\nSubject: Hi\r\nMessage-ID: <1@example.com>\r\n\r\nHello\r\n"


class Keys:
    """A signing key for each domain, and the record that publishes it."""

    def __init__(self, database: Database) -> None:
        self._identities = LocalIdentities(database, mail_host="mx", spf="mx")
        self.records = {domain: self._identities.register(domain, "o", feedback=False).dkim[0] for domain in self.domains}

    domains = ("example.com", "lists.example.net", "evil.example.net")

    def __getitem__(self, domain: str) -> SigningKey:
        found = self._identities.key(domain, "o")
        assert found is not None
        return found


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    database = Database(":memory:")
    yield Keys(database)
    database.close()


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


@pytest.fixture
def names(keys: Keys) -> Names:
    """Keys of all, a policy and SPF of example.com."""
    names = Names()
    for _, name, value in keys.records.values():
        names.records[name, "TXT"] = [value]
    names.records["_dmarc.example.com", "TXT"] = ["v=DMARC1; p=reject"]
    names.records["example.com", "TXT"] = ["other", f"v=spf1 ip4:{PEER} -all"]
    return names


class Judge:
    def __init__(self, names: Names, executor: ThreadPoolExecutor) -> None:
        self._authentication = Authentication(names, executor=executor)

    def __call__(
        self, raw: bytes = RAW, *, peer: str = PEER, helo: str = "mx.example.com", sender: str = "ann@example.com"
    ) -> Verdicts:
        return asyncio.run(self._authentication.verdicts(raw, Origin(peer, helo, sender)))

    def words(self, raw: bytes = RAW, **origin: str) -> str:
        found = self(raw, **origin)
        return " ".join([*(found.statuses[each] for each in ("spf", "dkim", "dmarc")), *filter(None, [found.policy])])


@pytest.fixture
def judge(names: Names, executor: ThreadPoolExecutor) -> Judge:
    return Judge(names, executor)


def test_mail_of_the_domain_itself_passes(judge: Judge, keys: Keys) -> None:
    assert judge.words(signed(RAW, keys["example.com"])) == "PASS PASS PASS"


def test_unsigned_mail_from_where_the_domain_sends_passes_by_spf(judge: Judge) -> None:
    assert judge.words() == "PASS GRAY PASS"


def test_forwarded_mail_passes_by_its_signature(judge: Judge, keys: Keys, names: Names) -> None:
    names.records["forwarder.example.org", "TXT"] = ["v=spf1 -all"]

    assert judge.words(signed(RAW, keys["example.com"]), sender="list@forwarder.example.org") == "FAIL PASS PASS"


def test_a_forged_from_fails_by_the_policy_of_its_domain(judge: Judge, keys: Keys, names: Names) -> None:
    names.records["evil.example.net", "TXT"] = ["v=spf1 +all"]
    raw = signed(RAW, keys["evil.example.net"])

    assert judge.words(raw, sender="x@evil.example.net") == "PASS PASS FAIL reject"


def test_nothing_known_is_gray(judge: Judge, names: Names) -> None:
    names.records.clear()

    assert judge.words() == "GRAY GRAY GRAY"
    assert judge.words(b"Subject: nobody's\r\n\r\nx\r\n", sender="", helo="[192.0.2.1]") == "GRAY GRAY GRAY"


def test_without_an_answer_nothing_is_said(judge: Judge, keys: Keys, names: Names) -> None:
    selector = keys.records["example.com"][1]
    names.failing = {"example.com", "_dmarc.example.com", selector}

    assert judge.words(signed(RAW, keys["example.com"])) == "PROCESSING_FAILED PROCESSING_FAILED PROCESSING_FAILED"


# --- SPF ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "PASS"),
        ("v=spf1 a mx -all", "FAIL"),
        ("v=spf1 mx:relay.example.org -all", "PASS"),
        ("v=spf1 include:relay.example.org -all", "PASS"),
        ("v=spf1 redirect=relay.example.org", "PASS"),
        ("v=spf1 exists:%{i}._spf.%{d2} -all", "PASS"),
        ("v=spf1 ptr:example.org -all", "PASS"),
        ("v=spf1 ~all", "GRAY"),
        ("v=spf1 ?all", "GRAY"),
        ("v=spf1", "GRAY"),
        ("v=spf2.0/pra -all", "GRAY"),
        ("v=spf1 nonsense -all", "GRAY"),
        ("v=spf1 ip4:999.0.2.1 -all", "GRAY"),
        ("v=spf1 a:%(bad) -all", "GRAY"),
        ("v=spf1 include:loop.example.org -all", "GRAY"),
        ("v=spf1 redirect=example.com", "GRAY"),
        ("v=spf1 a:n1.example.org a:n2.example.org a:n3.example.org -all", "GRAY"),
        ("v=spf1 " + " ".join(f"a:relay{i}.example.org" for i in range(11)) + " -all", "GRAY"),
        ("v=spf1 mx:crowd.example.org -all", "GRAY"),
        ("v=spf1 include:silent.example.org -all", "PROCESSING_FAILED"),
        ("v=spf1 exp=silent.example.org ip4:198.51.100.1 -all", "FAIL"),
        ("v=spf1 ip4:192.0.2.1 ä -all", "GRAY"),
        ("v=spf1 " + "ip4:198.51.100.1 " * 400 + "-all", "GRAY"),
        ("v=spf1 a:" + "%{s}" * 400 + ".example.org -all", "FAIL"),
        ("v=spf1 a:" + "a" * 3_000 + " -all", "GRAY"),
    ],
)
def test_an_spf_record_is_believed_where_it_says_something(names: Names, record: str, status: str, judge: Judge) -> None:
    names.records |= {
        ("example.com", "TXT"): [record],
        ("relay.example.org", "TXT"): [f"v=spf1 ip4:{PEER} -all"],
        ("relay.example.org", "MX"): ["10 mx.example.org"],
        ("mx.example.org", "A"): ["198.51.100.7", PEER],
        ("mail.example.org", "A"): [PEER],
        ("1.2.0.192.in-addr.arpa", "PTR"): ["mail.example.org"],
        (f"{PEER}._spf.example.com", "A"): ["127.0.0.2"],
        ("loop.example.org", "TXT"): ["v=spf1 include:pool.example.org -all"],
        ("pool.example.org", "TXT"): ["v=spf1 include:loop.example.org -all"],
        ("crowd.example.org", "MX"): [f"10 m{i}.example.org" for i in range(11)],
        **{(f"relay{i}.example.org", "A"): ["198.51.100.7"] for i in range(11)},
    }
    names.failing = {"silent.example.org"}

    assert judge().statuses["spf"] == status


def test_two_spf_records_are_none(judge: Judge, names: Names) -> None:
    names.records["example.com", "TXT"] = ["v=spf1 +all", "v=spf1 -all"]

    assert judge().statuses["spf"] == "GRAY"


def test_the_null_sender_stands_for_its_host(judge: Judge, names: Names) -> None:
    names.records["mx.example.com", "TXT"] = [f"v=spf1 ip4:{PEER} -all"]

    assert judge.words(sender="") == "PASS GRAY PASS"
    assert judge.words(sender="", peer="192.0.2.9") == "FAIL GRAY FAIL reject"


@pytest.mark.parametrize(
    ("peer", "status"),
    [("2001:db8::1", "PASS"), ("::ffff:192.0.2.1", "PASS"), ("fe80::1%eth0", "FAIL"), ("not an address", "PROCESSING_FAILED")],
)
def test_every_kind_of_client_address_is_compared(judge: Judge, names: Names, peer: str, status: str) -> None:
    names.records["example.com", "TXT"] = [f"v=spf1 ip4:{PEER} ip6:2001:db8::/32 -all"]

    assert judge(peer=peer).statuses["spf"] == status


@pytest.mark.parametrize("sender", ["@example.com", '"a@b"@example.com', "ann@EXAMPLE.com.", "%{l}@example.com", "ü@example.com"])
def test_a_sender_of_any_shape_is_checked(judge: Judge, sender: str) -> None:
    assert judge(sender=sender).statuses["spf"] == "PASS"


# --- DKIM ---------------------------------------------------------------------------------------------------------------


def resigned(raw: bytes, key: SigningKey, **options: Any) -> bytes:
    """Signed by the library's own means."""
    given = {"canonicalize": (b"relaxed", b"simple"), "include_headers": [b"from", b"to", b"subject"]} | options
    return bytes(dkim.DKIM(raw).sign(key.selector.encode(), key.domain.encode(), key.private_key, **given)) + raw


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b"a \t b  \r\n\r\n\r\n", b"\xff\x00\r\n", b"bare\nline\rends\r\n"])
@pytest.mark.parametrize("form", [b"relaxed", b"simple"])
def test_every_form_of_signature_is_verified(judge: Judge, keys: Keys, form: bytes, body: bytes) -> None:
    raw = resigned(RAW.partition(b"Hello")[0] + body, keys["example.com"], canonicalize=(form, form))

    assert judge(raw).statuses["dkim"] == "PASS"


@pytest.mark.parametrize(
    "change", [(b"Hello", b"Hallo"), (b"Subject: Hi", b"Subject: Ho"), (b"From: ", b"From: eve@example.com\r\nFrom: ")]
)
def test_a_changed_mail_fails(judge: Judge, keys: Keys, change: tuple[bytes, bytes]) -> None:
    assert judge(signed(RAW, keys["example.com"]).replace(*change)).statuses["dkim"] == "FAIL"


def test_one_good_signature_of_several_is_enough(judge: Judge, keys: Keys) -> None:
    broken = signed(RAW, keys["example.com"]).replace(b"Hello", b"[list] Hello")

    assert judge(broken).statuses["dkim"] == "FAIL"
    assert judge(signed(broken, keys["lists.example.net"])).statuses["dkim"] == "PASS"


def test_ten_signatures_are_looked_at_the_author_s_first(keys: Keys, names: Names) -> None:
    raw = resigned(RAW, keys["example.com"])
    for _ in range(11):
        raw = resigned(raw, keys["evil.example.net"])

    found = dkim_check.check(raw, first=lambda domain: domain == "example.com", resolver=names)
    mixed = dkim_check.check(resigned(raw, keys["example.com"]), first=lambda domain: domain == "example.com", resolver=names)

    assert [each.domain for each in found] == ["evil.example.net"] * 10
    assert [each.domain for each in mixed] == ["example.com", *["evil.example.net"] * 9]
    assert {each.outcome for each in mixed} == {"pass"}


def test_a_signature_of_a_part_of_the_body_does_not_count(judge: Judge, keys: Keys) -> None:
    whole = resigned(RAW, keys["example.com"], length=True)

    assert judge(whole).statuses["dkim"] == "PASS"
    assert judge(whole + b"Buy this\r\n").statuses["dkim"] == "GRAY"
    assert judge(whole.replace(b"Hello", b"Hallo")).statuses["dkim"] == "FAIL"


def test_a_signature_without_from_does_not_count(judge: Judge, keys: Keys) -> None:
    raw = resigned(RAW, keys["example.com"]).replace(b"h=from :", b"h=x-from :")

    assert judge(raw).statuses["dkim"] == "GRAY"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (("a=rsa-sha256", "a=rsa-sha1"), "GRAY"),
        (("a=rsa-sha256", "a=ed25519-sha256"), "GRAY"),
        (("v=1", "v=2"), "GRAY"),
        (("d=example.com", "d=com;d=example.com"), "GRAY"),
        (("d=example.com", "d=exa mple.com"), "GRAY"),
        (("i=@example.com", "i=@example.org"), "GRAY"),
        (("q=dns/txt", "x=1"), "GRAY"),
        (("q=dns/txt", "t=" + "9" * 4_000), "GRAY"),
        (("q=dns/txt", "l=" + "9" * 80), "GRAY"),
        (("q=dns/txt", "z=" + "9" * 5_000), "GRAY"),
        (("q=dns/txt", "="), "GRAY"),
        (("h=from", "h=" + "x:" * 200 + "from"), "GRAY"),
        (("c=relaxed/simple", "c=odd/simple"), "GRAY"),
    ],
)
def test_a_signature_that_cannot_be_used_is_as_none(judge: Judge, keys: Keys, change: tuple[str, str], status: str) -> None:
    raw = resigned(RAW, keys["example.com"])
    changed = raw.replace(change[0].encode(), change[1].encode(), 1)

    assert changed != raw
    assert judge(changed).statuses["dkim"] == status


def key_of(modulus_bits: int, exponent_bits: int) -> str:
    """Whether there is a private key to it does not matter."""

    def integer(bits: int) -> bytes:
        content = b"\x7f" * (bits // 8)
        return b"\x02\x82" + len(content).to_bytes(2) + content

    both = integer(modulus_bits) + integer(exponent_bits)
    return base64.b64encode(b"\x30\x82" + len(both).to_bytes(2) + both).decode()


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ([], "GRAY"),
        (["v=DKIM1; k=rsa"], "GRAY"),
        (["v=DKIM1; p="], "FAIL"),
        (["v=DKIM1; p=AAAA"], "GRAY"),
        (["v=DKIM1; p=%%%"], "GRAY"),
        (["v=DKIM2; p={p}"], "GRAY"),
        (["v=DKIM1; p={p}; p={p}"], "GRAY"),
        (["v=DKIM1; k=ed25519; p={p}"], "GRAY"),
        (["v=DKIM1; h=sha1; p={p}"], "GRAY"),
        (["v=DKIM1; s=other; p={p}"], "GRAY"),
        (["v=DKIM1; h=sha1:sha256; s=email; t=s; p={p}"], "PASS"),
        (["unrelated", "p={p}"], "PASS"),
        ([f"p={key_of(2_048, 16)}"], "FAIL"),
        ([f"p={key_of(512, 16)}"], "GRAY"),
        ([f"p={key_of(4_400, 16)}"], "GRAY"),
        ([f"p={key_of(2_048, 2_048)}"], "GRAY"),
        ([f"p={key_of(8_000, 8_000)}"], "GRAY"),
        ([f"p={key_of(2_048, 16)[:200]}"], "GRAY"),
        (["v=DKIM1; p={other}"], "FAIL"),
        (["v=DKIM1; t=y; p={other}"], "GRAY"),
    ],
)
def test_a_key_is_used_where_it_is_one(judge: Judge, keys: Keys, names: Names, record: list[str], status: str) -> None:
    public, other = (keys.records[each][2].partition("p=")[2] for each in ("example.com", "evil.example.net"))
    names.records[keys.records["example.com"][1], "TXT"] = [each.format(p=public, other=other) for each in record]

    assert judge(signed(RAW, keys["example.com"])).statuses["dkim"] == status


def test_a_key_of_1024_bits_still_counts(judge: Judge, keys: Keys, names: Names) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    key = SigningKey("example.com", "o", "s", short.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    public = short.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    names.records["s._domainkey.example.com", "TXT"] = [f"p={base64.b64encode(public).decode()}"]

    assert judge(signed(RAW, key)).statuses["dkim"] == "PASS"


@pytest.mark.parametrize(
    "raw",
    [
        b" folded: first\r\n" + RAW,
        b"junk\r\nDKIM-Signature: v=1\r\n" + RAW,
        b"X: " + b"a" * 200_000 + b"\r\nDKIM-Signature: v=1\r\n" + RAW,
        b"X: 1\r\n" * 1_500 + b"DKIM-Signature: v=1\r\n" + RAW,
        b"DKIM-Signature: v=1; b=" + b"\r\n\t" * 1_000 + b"\r\n" + RAW,
        b"DKIM-Signature:\r\n" * 50 + RAW,
        b"\xef\xbb\xbf" + RAW,
        b"\r\n" + RAW,
        b"",
    ],
)
def test_a_header_of_any_shape_never_passes_and_never_fails(judge: Judge, raw: bytes) -> None:
    assert judge(raw).statuses["dkim"] in ("GRAY", "PROCESSING_FAILED")


# --- DMARC --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("v=DMARC1; p=none", "FAIL none"),
        ("v=DMARC1;p=Quarantine; pct=0", "FAIL quarantine"),
        ("v=DMARC1; p=reject; sp=none", "FAIL reject"),
        ("v=DMARC1; p=odd", "GRAY"),
        ("v=DMARC1; p=odd; rua=mailto:x@example.com", "FAIL none"),
        ("v=DMARC1", "GRAY"),
        ("V=dmarc1; p=reject", "GRAY"),
        ("p=reject; v=DMARC1", "GRAY"),
        ("v=DMARC1; p=reject" + " " * 5_000, "GRAY"),
    ],
)
def test_a_policy_asks_for_what_it_says(judge: Judge, names: Names, policy: str, words: str) -> None:
    names.records["_dmarc.example.com", "TXT"] = ["unrelated", policy]
    found = judge(sender="x@elsewhere.example.net")

    assert " ".join(filter(None, [found.statuses["dmarc"], found.policy])) == words


def test_two_policies_are_none(judge: Judge, names: Names) -> None:
    names.records["_dmarc.example.com", "TXT"] *= 2

    assert judge(sender="x@elsewhere.example.net").statuses["dmarc"] == "GRAY"


def test_a_subdomain_stands_under_the_policy_of_its_organization(judge: Judge, names: Names) -> None:
    raw = RAW.replace(b"ann@example.com", b"ann@a.b.example.com")
    names.records["_dmarc.example.com", "TXT"] = ["v=DMARC1; p=reject; sp=quarantine"]
    above = judge(raw, sender="x@elsewhere.example.net")
    names.records["_dmarc.a.b.example.com", "TXT"] = ["v=DMARC1; p=none"]
    own = judge(raw, sender="x@elsewhere.example.net")

    assert (above.statuses["dmarc"], above.policy) == ("FAIL", "quarantine")
    assert (own.statuses["dmarc"], own.policy) == ("FAIL", "none")
    assert ("_dmarc.b.example.com", "TXT") not in names.asked


@pytest.mark.parametrize(
    ("mode", "spf", "dkim_"), [("", "PASS", "PASS"), ("; aspf=s", "FAIL", "PASS"), ("; adkim=s", "PASS", "FAIL")]
)
def test_alignment_is_relaxed_unless_the_policy_says_strict(
    judge: Judge, keys: Keys, names: Names, mode: str, spf: str, dkim_: str
) -> None:
    names.records["_dmarc.news.example.com", "TXT"] = [f"v=DMARC1; p=reject{mode}"]
    raw = RAW.replace(b"ann@example.com", b"ann@news.example.com")

    assert judge(raw).statuses["dmarc"] == spf
    assert judge(signed(raw, keys["example.com"]), sender="x@elsewhere.example.net").statuses["dmarc"] == dkim_


@pytest.mark.parametrize("from_", [b"ann@example.com, x@evil.example.net", b"x@evil.example.net, ann@example.com"])
def test_a_second_author_does_not_hide_the_first(judge: Judge, keys: Keys, names: Names, from_: bytes) -> None:
    names.records["evil.example.net", "TXT"] = ["v=spf1 +all"]
    names.records["_dmarc.example.net", "TXT"] = ["v=DMARC1; p=none"]
    raw = signed(RAW.replace(b"Ann <ann@example.com>", from_), keys["evil.example.net"])

    assert judge.words(raw, sender="x@evil.example.net") == "PASS PASS FAIL reject"


def test_trouble_of_a_stranger_s_servers_excuses_no_forgery(judge: Judge, keys: Keys, names: Names) -> None:
    names.failing = {"evil.example.net", keys.records["evil.example.net"][1]}
    raw = signed(RAW, keys["evil.example.net"])

    assert judge.words(raw, sender="x@evil.example.net") == "PROCESSING_FAILED PROCESSING_FAILED FAIL reject"


def test_authors_are_read_as_in_the_stored_message() -> None:
    assert author_domains(
        b"From: =?utf-8?q?x=40evil.org?= <a@Example.COM>, b@b\xc3\xbccher.example\r\n\r\nFrom: c@body.example\r\n"
    ) == [
        "example.com",
        "xn--bcher-kva.example",
    ]


# --- bounds -------------------------------------------------------------------------------------------------------------


def test_questions_are_bounded_in_number_and_time() -> None:
    now = [0.0]
    names = Names()
    names.records["a.example", "A"] = ["192.0.2.1"]
    lookups = Lookups(names, clock=lambda: now[0])

    for _ in range(3):
        assert lookups.look_up("A.Example.", "A") == ("192.0.2.1",)
    once = len(names.asked)
    for index in range(MOST - 1):
        lookups.look_up(f"n{index}.example", "A")
    with pytest.raises(LookupFailed):
        lookups.look_up("one-more.example", "A")
    later = Lookups(names, clock=lambda: now[0])
    now[0] += SECONDS + 1
    with pytest.raises(LookupFailed):
        later.look_up("a.example", "A")

    assert once == 1
    assert len(names.asked) == MOST


@pytest.mark.parametrize("name", ["", "a" * 254, "a\\b.example", "a b.example", "ü.example", "a\r\nb"])
def test_what_cannot_be_a_name_is_not_asked_for(name: str) -> None:
    names = Names()

    assert Lookups(names).look_up(name, "TXT") == ()
    assert names.asked == []


def test_an_error_of_a_check_is_no_verdict(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise AssertionError("Too many levels of recursion")

    monkeypatch.setattr(spf_check, "check", broken)
    monkeypatch.setattr(dkim_check, "check", broken)

    assert judge.words() == "PROCESSING_FAILED PROCESSING_FAILED PROCESSING_FAILED"


def test_an_error_before_the_checks_is_no_verdict(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "mailboxes", lambda _: 1 / 0)

    assert judge.words() == "PROCESSING_FAILED PROCESSING_FAILED PROCESSING_FAILED"


def test_what_takes_too_long_is_left_unknown(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authentication, "LONGEST_S", 0)

    assert judge.words() == "PROCESSING_FAILED PROCESSING_FAILED PROCESSING_FAILED"
