"""What the domain needs from outside besides items: blobs, queues, a mailer, other servers' URLs, a rate limit. AWS adapters live
in `mailroom.aws`, those of one machine in `local`; both are chosen once, in `mailroom.runtime`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from mailroom.domains.record import RecordType


class BlobMissing(Exception):
    """No blob under that key."""


class BlobStore(Protocol):
    """Bytes under a key, durable when `put` returns. Raises ServiceUnavailable's cause `OSError` where storage is full."""

    def put(self, key: str, data: bytes, *, content_type: str = "application/octet-stream") -> None: ...

    def get(self, key: str) -> bytes:
        """Raises BlobMissing."""
        ...

    def copy(self, source: str, target: str) -> None:
        """Raises BlobMissing."""
        ...

    def delete(self, keys: Iterable[str]) -> None:
        """Missing ones are no error."""
        ...

    def delete_prefix(self, prefix: str) -> int:
        """Deletes everything below, returns how many."""
        ...

    def url(self, key: str, *, filename: str | None, content_type: str | None, inline: bool, seconds: int) -> str:
        """A signed address that serves the bytes without credentials (and despite an Authorization header) for so long."""
        ...


class QueueMessage(NamedTuple):
    body: Mapping[str, Any]
    group: str | None = None


class Queues(Protocol):
    """At-least-once queues, named as in template.yaml (logical id without `Queue`, lower case: inbound, purge, notices)."""

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0, group: str | None = None) -> None:
        """`delay_s` at most 900. Of a queue with groups each gets its share of the workers, however many wait in another."""
        ...

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        """Raises where any of them may not have been taken."""
        ...


class Timers(Protocol):
    """Messages to a queue at a time. At least once, so that whoever receives one asks an item whether anything is to be done:
    one that comes late, twice, or although it was cancelled does no harm (docs/decisions/0013)."""

    def set(self, queue: str, name: str, at_ms: int, body: Mapping[str, Any]) -> None:
        """The queue gets `body`, also over restarts, not long before `at_ms`: on AWS up to 90 s earlier, and the receiver waits
        out the rest. `name` is 1 to 64 of `0-9a-zA-Z-_.`; whether the same name twice is one timer or two must not matter."""
        ...

    def cancel(self, queue: str, name: str, at_ms: int) -> None:
        """Of a timer with the same arguments. Best effort: one that was not found in time fires, one that is gone is no error."""
        ...


class MailerThrottled(Exception):
    """The provider asks to come back later. `retry_after` in seconds."""

    def __init__(self, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__("throttled")


class MailerRefused(Exception):
    """The provider will not take this mail (content, suspended sender). The text is for the sender."""


class OutgoingMail(NamedTuple):
    intent_id: str
    """Known to the provider as a tag, so that its notices lead back to the send."""
    return_path: str
    recipients: tuple[str, ...]
    """Bare envelope recipients, without duplicates."""
    raw: bytes
    """RFC 5322, CRLF line ends, with a Message-ID that the provider may replace."""
    organization_id: str


class Mailer(Protocol):
    def send(self, mail: OutgoingMail) -> str:
        """The Message-ID the recipients will see, with angle brackets. Raises MailerThrottled, MailerRefused; any other exception
        means that it is not known whether the mail was taken."""
        ...

    def accepted(self, intent_id: str) -> str | None:
        """The Message-ID if the provider is known to have taken that intent's mail."""
        ...


class FetchedFile(NamedTuple):
    data: bytes
    content_type: str | None
    filename: str | None


class FetchFailed(Exception):
    """An attachment URL that cannot be had; the text says why, without inner addresses."""


class Fetcher(Protocol):
    """GET of an attachment URL: public addresses only, redirects followed and checked again, 20 s (spec: messages.md)."""

    def fetch(self, url: str, *, max_bytes: int) -> FetchedFile: ...


class Posted(NamedTuple):
    status: int
    answer: bytes
    """The first 1 KB at most."""


class PostFailed(Exception):
    """No answer; the text says why, without inner addresses."""


class Poster(Protocol):
    """POST to a webhook: public addresses only, nothing is followed (spec: webhooks.md, "Delivery")."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float) -> Posted:
        """Any status. Raises PostFailed where there was no whole answer (of its first 1 KB) within the time."""
        ...


LONGEST_CONNECTION_MS = 2 * 3600 * 1000
"""No gateway keeps a socket longer."""


class SocketGone(Exception):
    """The client is not connected any more, or whether it got the frame cannot be known: the connection is over."""


class SocketBusy(Exception):
    """The client does not take what it is sent fast enough. The frame was not taken."""


class Sockets(Protocol):
    """The server's side of WebSocket connections, by the ids that the gateway gave them."""

    def post(self, connection_id: str, text: str) -> None:
        """Raises SocketGone, SocketBusy."""
        ...

    def post_all(self, frames: Mapping[str, Sequence[str]]) -> list[str]:
        """Connection id -> its frames, which leave in their order; connections side by side. The connections that did not take
        all of theirs, which must be closed: a client that missed a frame must not get a later one."""
        ...

    def close(self, connection_id: str, code: int, reason: str) -> None:
        """After what was posted before, where the client takes it. One that is gone is no error."""
        ...


class RateLimiter(Protocol):
    def allow(self, organization_id: str, now_ms: int) -> bool:
        """Takes one token from the organization's bucket."""
        ...


class Identity(NamedTuple):
    """What the mail provider needs in the DNS of a domain that it sends and receives for."""

    dkim: tuple[tuple[RecordType, str, str], ...]
    """(type, name, value) of each record that publishes a signing key."""
    return_path_host: str
    """Takes the bounces of the domain's mail."""
    spf: str
    """The SPF mechanisms that let its mail out, as in `include:amazonses.com`."""
    inbound_host: str
    foreign: bool = False
    """The provider knew the domain before, and not as this organization's: its word that the domain is verified proves nothing."""


Confirmation = Literal["success", "pending", "temporary_failure", "failed", "not_started"]


class IdentityState(NamedTuple):
    dkim: Confirmation
    mail_from: Confirmation
    sends: bool
    """Whether the provider would take mail from the domain now."""


class Identities(Protocol):
    """The domains that the mail provider signs and sends for."""

    def register(self, domain: str, organization_id: str, *, feedback: bool, proven: bool = False) -> Identity:
        """Makes the identity, with custom return path `mail.<domain>`; again with the same arguments it changes nothing, but has a
        provider that gave up look for the records once more. `feedback`: bounces and complaints are also mailed to the sender.
        A foreign identity is left as it is, unless `proven`: its owner has said so in DNS. Raises IdentityRefused; anything else
        means try again."""
        ...

    def state(self, domain: str) -> IdentityState | None:
        """None where there is no such identity."""
        ...

    def set_feedback(self, domain: str, enabled: bool) -> None: ...

    def remove(self, domain: str, organization_id: str) -> None:
        """Not one that was there before this deployment, or is another organization's. One that is gone is no error."""
        ...


class IdentityRefused(Exception):
    """The provider will not have this domain; the text says why."""


class LookupFailed(Exception):
    """No name server gave an answer: nothing is known."""


class Resolver(Protocol):
    def look_up(self, name: str, kind: Literal["TXT", "CNAME", "MX", "A", "AAAA", "PTR"]) -> tuple[str, ...]:
        """The values, empty where there are none (and where the name does not exist). TXT strings are joined; hosts are in lower
        case without trailing dot; MX is `10 host`. Raises LookupFailed."""
        ...
