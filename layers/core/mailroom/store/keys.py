"""The only builder of keys (design: data.md, "Keys"). Every tenant key starts with the organization id of the credential.

o = organization id, h = `ids.digest26(message_id)`. Components are percent-encoded for `#` and `%`, so that no address, label or
client id can reach into another component.
"""

from __future__ import annotations

from zlib import crc32

from mailroom.ids import digest26
from mailroom.store.port import Key

ALL = "*"
"""The index partition that holds every item of a kind, whatever its labels."""

_TOP = "\uffff"
_LAST = "\U0010ffff"
"""Sorts behind every text, also behind those of characters beyond U+FFFF."""


def enc(part: str) -> str:
    return part.replace("%", "%25").replace("#", "%23")


def dec(part: str) -> str:
    return part.replace("%23", "#").replace("%25", "%")


# --- core: organization level -------------------------------------------------------------------------------------------


def organization(o: str) -> Key:
    return Key("core", o, "ORG")


def pod(o: str, pod_id: str) -> Key:
    """Ids are time-sortable, so pods sort by creation."""
    return Key("core", o, f"POD#{enc(pod_id)}")


def pod_range() -> tuple[str, str]:
    return "POD#", "POD#" + _TOP


def api_key_record(o: str, api_key_id: str) -> Key:
    return Key("core", o, f"AK#{enc(api_key_id)}")


def api_key_range() -> tuple[str, str]:
    return "AK#", "AK#" + _TOP


def webhook(o: str, webhook_id: str) -> Key:
    """Ids are time-sortable, so webhooks sort by creation."""
    return Key("core", o, f"WH#{enc(webhook_id)}")


def webhook_range() -> tuple[str, str]:
    return "WH#", "WH#" + _TOP


def polling_webhooks(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> str:
    """Partition of the polling webhooks made for an inbox, a pod, or the organization; sort key is the client id."""
    if inbox_id is not None:
        return f"{o}#PW#I#{enc(inbox_id)}"
    return f"{o}#PW#P#{enc(pod_id)}" if pod_id is not None else f"{o}#PW#O"


def polling_webhook(o: str, client_id: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> Key:
    return Key("core", polling_webhooks(o, pod_id=pod_id, inbox_id=inbox_id), enc(client_id))


def polling_token(token_hash: str) -> Key:
    """What a polling token stands for."""
    return Key("core", f"POLL#{token_hash}", "-")


def lists(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> str:
    """Partition of all list entries of an inbox, a pod, or the organization itself."""
    if inbox_id is not None:
        return f"{o}#LS#I#{enc(inbox_id)}"
    return f"{o}#LS#P#{enc(pod_id)}" if pod_id is not None else f"{o}#LS#O"


def list_entry(o: str, direction: str, kind: str, entry: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> Key:
    """`direction` send, receive or reply; `kind` allow or block; at organization scope unless a pod or inbox is named."""
    return Key("core", lists(o, pod_id=pod_id, inbox_id=inbox_id), f"{direction}#{kind}#{enc(entry)}")


def list_range(direction: str, kind: str) -> tuple[str, str]:
    """The entries of one list in its scope's partition, by entry."""
    return f"{direction}#{kind}#", f"{direction}#{kind}#{_TOP}"


def list_counts(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> Key:
    """How many entries each list of a scope has, beside them and in none of their ranges."""
    return Key("core", lists(o, pod_id=pod_id, inbox_id=inbox_id), "COUNTS")


def client_id(o: str, kind: str, value: str) -> Key:
    return Key("core", o, f"CID#{kind}#{enc(value)}")


def api_key_secret(secret_hash: str) -> Key:
    return Key("core", f"KEY#{secret_hash}", "-")


def address(email: str) -> Key:
    return Key("core", f"ADDR#{enc(email)}", "-")


def deployment_secret() -> Key:
    return Key("core", "DEPLOYMENT", "SECRET")


# --- core: inbox level --------------------------------------------------------------------------------------------------


def inbox_partition(o: str, inbox_id: str) -> str:
    return f"{o}#I#{enc(inbox_id)}"


def inbox(o: str, inbox_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), "A")


def message(o: str, inbox_id: str, message_id: str) -> Key:
    return message_by_digest(o, inbox_id, digest26(message_id))


def message_by_digest(o: str, inbox_id: str, h: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"M#{h}")


def is_message(key: Key) -> bool:
    """Whether it is a message's row; not that of its bodies."""
    return key.table == "core" and key.sk.startswith("M#") and not key.sk.endswith("#B")


def body(owner_key: Key) -> Key:
    """The row beside a message's or a draft's that holds what lists do not show."""
    return Key("core", owner_key.pk, owner_key.sk + "#B")


def reference(o: str, inbox_id: str, message_id: str) -> Key:
    """A message id that was referred to and has not arrived yet -> the thread that waits for it."""
    return Key("core", inbox_partition(o, inbox_id), f"R#{digest26(message_id)}")


def deleted_mail(o: str, inbox_id: str, uid: str) -> Key:
    """Says that a received mail was stored and deleted, as long as its notice may come again."""
    return Key("core", inbox_partition(o, inbox_id), f"X#{uid}")


def thread(o: str, inbox_id: str, thread_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"T#{enc(thread_id)}")


def is_thread(key: Key) -> bool:
    return key.table == "core" and key.sk.startswith("T#")


def thread_pointer(o: str, thread_id: str) -> Key:
    return Key("core", f"{o}#TH#{enc(thread_id)}", "-")


def draft(o: str, inbox_id: str, draft_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"D#{enc(draft_id)}")


def is_draft(key: Key) -> bool:
    """Whether it is a draft's row; not that of its text."""
    return key.table == "core" and key.sk.startswith("D#") and not key.sk.endswith("#B")


def draft_pointer(o: str, draft_id: str) -> Key:
    return Key("core", f"{o}#DR#{enc(draft_id)}", "-")


# --- idx ----------------------------------------------------------------------------------------------------------------
# Partition: whose list and which label. Sort key: visibility class, timestamp, tie-breaker. The last component of a sort key
# leads back to the core item.


def index_partition(o: str, inbox_id: str, kind: str, label: str) -> str:
    """`kind` is M, T or D with a label or `ALL`; or C, the messages of a conversation, with the thread id in the label's place."""
    return f"{inbox_partition(o, inbox_id)}#{kind}#{enc(label)}"


def by_org(o: str, kind: str, label: str, shard: int) -> str:
    return f"{o}#{kind}#{enc(label)}#{shard}"


def by_pod(o: str, pod_id: str, kind: str, label: str, shard: int) -> str:
    return f"{o}#P#{enc(pod_id)}#{kind}#{enc(label)}#{shard}"


def shard_of(inbox_id: str, shards: int) -> int:
    return crc32(inbox_id.encode()) % shards


def index_sort(v: int, ts: int, tie: str, identity: str) -> str:
    """`tie` orders items of the same millisecond (a message id's first characters); `identity` is h, or the thread id."""
    return f"{v}#{ts:013}#{enc(tie[:48])}#{enc(identity)}"


def index_identity(sort: str) -> str:
    return dec(sort.rsplit("#", 1)[1])


def index_place(sort: str) -> str:
    """The sort key without its visibility class: what orders items of both classes, and of all shards, among each other."""
    return sort.split("#", 1)[1]


def index_label(partition: str) -> str:
    """The label (or `ALL`, or the conversation's thread id) of an inbox's index partition."""
    return dec(partition.rsplit("#", 1)[1])


def owner(partition: str) -> tuple[str, str]:
    """(organization id, inbox id) of a partition that belongs to one inbox."""
    o, _, inbox_id = partition.split("#", 3)[:3]
    return o, dec(inbox_id)


def index_bounds(v: int, after_us: int | None, before_us: int | None) -> tuple[str, str]:
    """Bounds on a sort key for an exclusive interval of timestamps, given in microseconds."""
    low = f"{v}#" if after_us is None else f"{v}#{max(after_us // 1000 + 1, 0):013}"
    high = f"{v}#{_TOP}" if before_us is None else f"{v}#{max(-(-before_us // 1000), 0):013}"
    return low, high


def inbox_list(o: str) -> str:
    """Partition of the idx rows that list an organization's inboxes; sort keys by `listing_sort`."""
    return f"{o}#L#inbox"


def inbox_list_of_pod(o: str, pod_id: str) -> str:
    """The same rows by pod: the value of their `by_pod` attribute."""
    return f"{o}#P#{enc(pod_id)}#L#inbox"


def api_key_list(o: str, scope_type: str, scope_id: str) -> str:
    """Partition of the idx rows that list the keys bound to exactly one pod or inbox."""
    return f"{o}#L#key#{scope_type}#{enc(scope_id)}"


def listing_sort(created_ms: int, identity: str) -> str:
    return f"{created_ms:013}#{enc(identity)}"


def inbox_words(o: str) -> str:
    """Partition of the idx rows by which an organization's inboxes are found; sort keys by `word_sort`."""
    return f"{o}#S#inbox"


def inbox_words_of_pod(o: str, pod_id: str) -> str:
    """The same rows by pod: the value of their `by_pod` attribute."""
    return f"{o}#P#{enc(pod_id)}#S#inbox"


def word_sort(rank: int, word: str, created_ms: int, inbox_id: str) -> str:
    return f"{rank}#{enc(word)}#{listing_sort(created_ms, inbox_id)}"


def word_range(rank: int, prefix: str) -> tuple[str, str]:
    """The entries of all words that begin so."""
    return f"{rank}#{enc(prefix)}", f"{rank}#{enc(prefix)}{_LAST}"


def word_place(sort: str) -> str:
    """The part of a `word_sort` that is the inbox's `listing_sort`."""
    return sort.split("#", 2)[2]


# --- ev and eph ---------------------------------------------------------------------------------------------------------


def events(o: str, inbox_id: str | None, event_type: str) -> str:
    """None: events that are not tied to an inbox."""
    return f"{o}#EV#{event_type}" if inbox_id is None else f"{inbox_partition(o, inbox_id)}#{event_type}"


def event(o: str, inbox_id: str | None, event_type: str, ts: int, event_id: str) -> Key:
    return Key("ev", events(o, inbox_id, event_type), f"{ts:013}#{event_id}")


LABEL_EVENTS = "label"
"""`label.added` and `label.removed` share one partition per inbox, because they are read as one list."""


def log_partition(o: str) -> str:
    """An organization's events in the order of their positions: pages of pointers to the events' rows."""
    return f"{o}#LOG"


def log_page(o: str, page: int) -> Key:
    return Key("ev", log_partition(o), f"{page:012}")


def log_tail(o: str) -> Key:
    """Holds the position of an organization's last event. Apart from the pages, which expire."""
    return Key("ev", f"{o}#LOG#TAIL", "-")


def published(o: str) -> Key:
    """Holds the last page of an organization's log that was handed to its sockets."""
    return Key("eph", f"{o}#LOG", "-")


def deliveries(o: str, webhook_id: str) -> str:
    """Partition of a webhook's deliveries; sort key is the event id, which sorts by time."""
    return f"{o}#DL#{enc(webhook_id)}"


def delivery(o: str, webhook_id: str, event_id: str) -> Key:
    return Key("eph", deliveries(o, webhook_id), event_id)


def connection(connection_id: str) -> Key:
    return Key("eph", f"C#{connection_id}", "-")


def subscriptions(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> str:
    """Partition of the sockets that listen to an inbox, a pod, or everything; sort key is the connection id."""
    if inbox_id is not None:
        return f"{o}#W#I#{enc(inbox_id)}"
    return f"{o}#W#P#{enc(pod_id)}" if pod_id is not None else f"{o}#W#O"


def connections_of_key(o: str, api_key_id: str) -> str:
    """Partition of the sockets opened with a key (or its session tokens); sort key is the connection id."""
    return f"{o}#K#{enc(api_key_id)}"


def keep_alive(slot: int) -> str:
    """Partition of the sockets that are looked after in the same minute; sort key is the connection id."""
    return f"SOCKETS#{slot}"


def idempotency(o: str, key: str) -> Key:
    return Key("eph", f"IDEM#{o}#{enc(key)}", "-")


def intent(intent_id: str) -> Key:
    return Key("eph", f"SEND#{intent_id}", "-")


def open_intents(shard: int) -> str:
    """One of 16 idx partitions of the sends whose second half is not stored yet; sort keys by `listing_sort`."""
    return f"SENDS#OPEN#{shard:x}"


def due_drafts(shard: int) -> str:
    """One of 16 idx partitions of the scheduled drafts of all organizations; sort keys by `listing_sort` of the time."""
    return f"DRAFTS#DUE#{shard:x}"


def sends_counted(o: str, window: str) -> Key:
    """The recipients of an organization's mail in a UTC day (`2025-06-16`) or month (`2025-06`)."""
    return Key("eph", f"{o}#SENT", window)


def rate(o: str, window: int) -> Key:
    return Key("eph", f"RATE#{o}", f"{window:011}")


# --- blobs --------------------------------------------------------------------------------------------------------------


def blob_inbox(o: str, inbox_id: str) -> str:
    """Prefix of everything an inbox owns."""
    return f"org/{o}/{enc(inbox_id)}/"


def blob_message(o: str, inbox_id: str, uid: str) -> str:
    """Prefix of one stored message's blobs. `uid` is derived from the delivery (or the send intent), not from the message id:
    a redelivery writes the same blobs again, and a later message with the same id never shares them."""
    return f"{blob_inbox(o, inbox_id)}{uid}/"


def blob_raw(o: str, inbox_id: str, uid: str) -> str:
    return blob_message(o, inbox_id, uid) + "raw.eml"


def blob_body(o: str, inbox_id: str, uid: str) -> str:
    return blob_message(o, inbox_id, uid) + "body.json.z"


def blob_draft_body(o: str, inbox_id: str, draft_id: str, body_id: str) -> str:
    """Of one version: a change must not touch what is shown until it is committed."""
    return f"{blob_message(o, inbox_id, draft_id)}body-{body_id}.json.z"


def blob_attachment(o: str, inbox_id: str, uid: str, attachment_id: str) -> str:
    return f"{blob_message(o, inbox_id, uid)}attachments/{attachment_id}"
