"""All organizations of the deployment, for its operator. Nothing that a caller can reach imports this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from mailroom.errors import NotFound
from mailroom.organizations.record import OrganizationRecord, listed
from mailroom.store import keys
from mailroom.store.port import ItemStore, Query

PAGE = 100


def organizations(*, items: ItemStore) -> Iterator[OrganizationRecord]:
    """Oldest first; a page costs two trips. One made by a version that kept no list is in it once somebody looked at it."""
    partition = keys.organization_list()
    start = None
    while True:
        rows = items.query(Query("idx", partition, PAGE, start=start))
        wanted = [keys.organization(keys.index_identity(row["sk"])) for row in rows]
        found = items.batch_get(wanted)
        yield from (cast(OrganizationRecord, found[key]) for key in wanted if key in found)
        if len(rows) < PAGE:
            return
        start = (partition, rows[-1]["sk"])


def organization_named(o: str, *, items: ItemStore) -> OrganizationRecord:
    """Raises NotFound. Sees to it that the organization is listed."""
    row = items.get(keys.organization(o))
    if row is None:
        raise NotFound(f"There is no organization {o}")
    record = cast(OrganizationRecord, row)
    items.write([listed(record)])
    return record
