"""The words by which an inbox is found, and the index entries made of them (spec: inboxes.md, "Search"; decision 16)."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from mailroom.inboxes.record import InboxRecord
from mailroom.store import keys
from mailroom.store.port import Delete, Key, Put

MAX_WORDS = (8, 24, 8)
"""Words indexed per rank. With the entries that a rename replaces they stay below what one transaction takes."""
MAX_LENGTH = 64
"""Characters of a word that are indexed; the rest is compared on the inbox itself."""
RANKS = range(len(MAX_WORDS))
"""Where a word stands, in the order of the answer: local part, display name, domain."""


class Word(NamedTuple):
    rank: int
    text: str


def folded(text: str) -> str:
    """Equal for texts that differ in case only, or in how their accents are encoded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def words(record: InboxRecord) -> tuple[list[str], list[str], list[str]]:
    """All words of the inbox, by rank. Those of a name are found with and without the punctuation in them."""
    local, _, domain = folded(record["inbox_id"]).rpartition("@")
    name = [part for word in folded(record.get("display_name", "")).split() for part in (word, *_split(word))]
    return _split(local), name, _split(domain)


def indexed(record: InboxRecord) -> list[Word]:
    """The words that need an entry: not those that begin another one of the same or a better rank."""
    bounded = dict.fromkeys(
        Word(rank, text[:MAX_LENGTH])
        for rank, texts in enumerate(words(record))
        for text in list(dict.fromkeys(texts))[: MAX_WORDS[rank]]
    )
    return [word for word in bounded if not any(_covers(other, word) for other in bounded)]


def word_sort(record: InboxRecord, word: Word) -> str:
    return keys.word_sort(word.rank, word.text, record["created_at"], record["inbox_id"])


def added(o: str, record: InboxRecord) -> list[Put]:
    """To be written in the transaction that creates or renames the inbox."""
    by_pod = keys.inbox_words_of_pod(o, record["pod_id"])
    return [Put(key, {"by_pod": by_pod}) for key in _entries(o, record)]


def removed(o: str, record: InboxRecord, kept: InboxRecord | None = None) -> list[Delete]:
    """The entries of the inbox as it was that it has no more: all, or but those that the inbox as `kept` has, too."""
    still = set() if kept is None else set(_entries(o, kept))
    return [Delete(key) for key in _entries(o, record) if key not in still]


def _entries(o: str, record: InboxRecord) -> list[Key]:
    return [Key("idx", keys.inbox_words(o), word_sort(record, word)) for word in indexed(record)]


def _covers(other: Word, word: Word) -> bool:
    """Whether whatever finds the one by its beginning finds the other, and ranks it no worse."""
    return other != word and other.rank <= word.rank and other.text.startswith(word.text)


def _split(text: str) -> list[str]:
    """At every character that is not alphanumeric; a combining mark (the vowels of many scripts) belongs to its letter."""
    return "".join(one if one.isalnum() or unicodedata.category(one)[0] == "M" else " " for one in text).split()
