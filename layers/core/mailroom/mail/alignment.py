"""Whether two domains are one organization's: DMARC's relaxed alignment (RFC 7489, 3.1), by the public suffix list."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from mailroom.mail.addresses import ascii_domain

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList


def aligned(one: str, other: str) -> bool:
    """Domains in any case; an empty one is aligned with nothing."""
    one, other = ascii_domain(one), ascii_domain(other)
    if not one or not other:
        return False
    return one == other or organizational(one) == organizational(other)


def organizational(domain: str) -> str:
    """Of a domain in lower case and ASCII. A public suffix stands for itself."""
    return _suffixes().privatesuffix(domain) or domain


@cache
def _suffixes() -> PublicSuffixList:
    # Reading the list takes longer than parsing most mail, and most domains are simply equal.
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
