"""Raw mail to `ParsedMail`: whatever the bytes, something readable comes out (spec: messages.md, "Receiving")."""

from __future__ import annotations

import time
from codecs import BOM_UTF8
from types import TracebackType

from mailroom.mail.attachments import read_attachments
from mailroom.mail.automatic import is_automatic
from mailroom.mail.bodies import decoded_text
from mailroom.mail.content import Content, Leaf, find_content
from mailroom.mail.fields import Header
from mailroom.mail.identity import identity
from mailroom.mail.limits import Budget, Limits, MonotonicClock
from mailroom.mail.mailboxes import mailboxes
from mailroom.mail.msgids import MAX_LENGTH, kept_references, message_ids
from mailroom.mail.parsed import ParsedMail
from mailroom.mail.signatures import signing_domains
from mailroom.mail.tree import Part, read_part
from mailroom.mail.wire_headers import wire_headers
from mailroom.mail.words import decode_field

MAX_SUBJECT = 2_000
_MAX_SUBJECT_BYTES = 16 * 1024
_MAX_LIST_BYTES = 64 * 1024
_DEFAULTS = Limits()


def parse(raw: bytes, *, limits: Limits = _DEFAULTS, clock: MonotonicClock = time.monotonic) -> ParsedMail:
    """Never raises. Beyond a limit, and where our own code fails, `defects` says so and the rest is what could be read."""
    mail = ParsedMail()
    budget = Budget(limits, mail.defects, clock)
    content = Content()
    root: Part | None = None
    with _Surviving("header", budget):
        root = _read_root(raw, budget)
    if root is None:
        return mail
    with _Surviving("addresses", budget):
        _fill_addresses(mail, root.header)
    with _Surviving("fields", budget):
        _fill_fields(mail, root)
    with _Surviving("structure", budget):
        content = find_content(root, budget)
    with _Surviving("content", budget):
        mail.text = _join(content.text, budget)
        mail.html = _join(content.html, budget)
        mail.attachments.extend(read_attachments(content.attachments, budget))
    with _Surviving("identity", budget):
        mail.identity = identity(mail, root.header)
    return mail


class _Surviving:
    """The one place that swallows an exception: mail that was accepted is never lost to a bug in here."""

    def __init__(self, stage: str, budget: Budget) -> None:
        self._stage = stage
        self._budget = budget

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, Exception):
            return False
        self._budget.note(f"{self._stage}: {type(error).__name__}")
        return True


def _read_root(raw: bytes, budget: Budget) -> Part:
    if len(raw) > budget.limits.raw_bytes:
        budget.note("too large")
        raw = raw[: budget.limits.raw_bytes]
    raw = raw.removeprefix(BOM_UTF8)
    if b"\n" not in raw and b"\r" in raw:
        raw = raw.replace(b"\r", b"\n")
    budget.take_part()
    return read_part(raw, 0, len(raw), budget=budget)


def _fill_addresses(mail: ParsedMail, header: Header) -> None:
    authors = mailboxes(header.all("from"))
    mail.authors = [author.address.lower() for author in authors]
    if shown := authors or mailboxes(header.all("sender")):
        mail.from_, mail.from_address = shown[0].render(), shown[0].address.lower()
    else:
        mail.from_ = _text(header, "from") or ""
    mail.to = _rendered(header, "to")
    mail.cc = _rendered(header, "cc")
    mail.bcc = _rendered(header, "bcc")
    mail.reply_to = _rendered(header, "reply-to")


def _rendered(header: Header, name: str) -> list[str]:
    """Addresses of all fields of that name, at most 64 KB of them."""
    rendered, size = [], 0
    for mailbox in mailboxes(header.all(name)):
        text = mailbox.render()
        size += len(text.encode())
        if size > _MAX_LIST_BYTES:
            break
        rendered.append(text)
    return rendered


def _text(header: Header, name: str) -> str | None:
    raw = header.first(name)
    return None if raw is None else decode_field(raw, _MAX_SUBJECT_BYTES)[:MAX_SUBJECT]


def _fill_fields(mail: ParsedMail, root: Part) -> None:
    header = root.header
    mail.subject = _text(header, "subject")
    mail.message_id = next(iter(message_ids(header.all("message-id"), longest=MAX_LENGTH)), None)
    mail.in_reply_to = kept_references(message_ids(header.all("in-reply-to")))
    mail.references = kept_references(message_ids(header.all("references")))
    mail.signers = signing_domains(header.all("dkim-signature"))
    mail.automatic = is_automatic(header, root.content_type)
    mail.headers = wire_headers(header.fields)


def _join(leaves: list[Leaf], budget: Budget) -> str | None:
    """Inline texts one below the other; None without any."""
    texts = []
    for leaf in leaves:
        if not budget.in_time():
            break
        text = decoded_text(leaf.part)
        if not budget.take_decoded(len(text)):
            break
        texts.append(text)
    if not leaves:
        return None
    return texts[0] if len(texts) == 1 else "\n".join(text.removesuffix("\n") for text in texts)
