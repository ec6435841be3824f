"""The idx table. Partition: whose list and which label. Sort key: visibility class, timestamp, tie-breaker; its last component
leads back to the core item."""

from __future__ import annotations

from zlib import crc32

from mailroom.store.keys.parts import LAST, TOP, dec, enc, inbox_partition


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
    high = f"{v}#{TOP}" if before_us is None else f"{v}#{max(-(-before_us // 1000), 0):013}"
    return low, high


def inbox_list(o: str) -> str:
    """Partition of the idx rows that list an organization's inboxes; sort keys by `listing_sort`."""
    return f"{o}#L#inbox"


def inbox_list_of_pod(o: str, pod_id: str) -> str:
    """The same rows by pod: the value of their `by_pod` attribute."""
    return f"{o}#P#{enc(pod_id)}#L#inbox"


def domain_list(o: str) -> str:
    """Partition of the idx rows that list an organization's domains; sort keys by `listing_sort`."""
    return f"{o}#L#domain"


def domain_list_of_pod(o: str, pod_id: str) -> str:
    """The rows of a pod's own domains: the value of their `by_pod` attribute."""
    return f"{o}#P#{enc(pod_id)}#L#domain"


def due_checks(shard: int) -> str:
    """One of 16 idx partitions of the domains of all organizations that are checked by themselves; sort keys by `listing_sort` of
    the time of the next check."""
    return f"DOMAINS#DUE#{shard:x}"


def organization_list() -> str:
    """Partition of the idx rows that list all organizations, for the operator; sort keys by `listing_sort`."""
    return "ORGANIZATIONS"


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
    return f"{rank}#{enc(prefix)}", f"{rank}#{enc(prefix)}{LAST}"


def word_place(sort: str) -> str:
    """The part of a `word_sort` that is the inbox's `listing_sort`."""
    return sort.split("#", 2)[2]
