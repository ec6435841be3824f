"""An item store for one request that has some reads done already: the endpoint reads what it will surely need together with the
credential, so that most requests cost one trip less."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.store.port import Action, Change, Condition, Delete, Fetched, Item, ItemStore, Key, Put, Query, Reads, Update


class PrefetchedStore:
    """Hands each prefetched result out once, so that a retry after a lost race reads afresh; everything else passes through."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store
        self._items: dict[Key, Item | None] = {}
        self._pages: dict[Query, list[Item]] = {}

    def prefetch(self, reads: Reads) -> None:
        """What is at hand already is not read again."""
        wanted = tuple(key for key in reads.keys if key not in self._items)
        queries = tuple(query for query in reads.queries if query not in self._pages)
        if not wanted and not queries:
            return
        fetched = self._store.fetch(Reads(wanted, queries))
        self._items |= {key: fetched.items.get(key) for key in wanted}
        self._pages |= fetched.pages

    def peek(self, key: Key) -> Item | None:
        """What stays at hand for whoever asks next."""
        self.prefetch(Reads((key,)))
        return self._items[key]

    def get(self, key: Key) -> Item | None:
        if key in self._items:
            return self._items.pop(key)
        return self._store.get(key)

    def batch_get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        known = {key: self._items.pop(key) for key in set(keys) if key in self._items}
        found = {key: item for key, item in known.items() if item is not None}
        missing = [key for key in keys if key not in known]
        if missing:
            found |= self._store.batch_get(missing)
        return found

    def query(self, query: Query) -> list[Item]:
        if query in self._pages:
            return self._pages.pop(query)
        return self._store.query(query)

    def fetch(self, reads: Reads) -> Fetched:
        result = Fetched()
        keys = tuple(key for key in reads.keys if key not in self._items)
        queries = tuple(query for query in reads.queries if query not in self._pages)
        if keys or queries:
            result = self._store.fetch(Reads(keys, queries))
        for key in set(reads.keys) & self._items.keys():
            item = self._items.pop(key)
            if item is not None:
                result.items[key] = item
        for query in set(reads.queries) & self._pages.keys():
            result.pages[query] = self._pages.pop(query)
        return result

    def put(self, key: Key, item: Item, condition: Condition | None = None) -> None:
        self._forget()
        self._store.put(key, item, condition)

    def update(self, key: Key, changes: Sequence[Change], condition: Condition | None = None) -> Item:
        self._forget()
        return self._store.update(key, changes, condition)

    def delete(self, key: Key, condition: Condition | None = None) -> Item | None:
        self._forget()
        return self._store.delete(key, condition)

    def write(self, actions: Sequence[Put | Update | Delete]) -> list[bool]:
        self._forget()
        return self._store.write(actions)

    def transact(self, actions: Sequence[Action]) -> None:
        self._forget()
        self._store.transact(actions)

    def _forget(self) -> None:
        self._items.clear()
        self._pages.clear()
