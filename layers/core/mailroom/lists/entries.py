"""What an entry may be, and which entries an address matches (spec: lists.md, "Matching")."""

from __future__ import annotations

from mailroom.mail.addresses import MAX_DOMAIN, MAX_LOCAL, ascii_domain, check_address, check_domain

MAX_ENTRY = MAX_LOCAL + 1 + MAX_DOMAIN


def check_entry(value: str) -> str:
    """The entry as it is stored: an address or a domain of at least two labels, in lower case and ASCII. ValueError with a sentence
    for the caller where it is neither."""
    text = value.strip()
    if "<" in text:
        raise ValueError("Should be a bare address, without a display name")
    if "@" in text:
        return check_address(text).key
    domain = check_domain(text)
    if "." not in domain:
        raise ValueError("A domain should have at least two labels")
    return domain


def entry_named(value: str) -> str:
    """The entry that a path means; what can be none is in no list."""
    try:
        return check_entry(value)
    except ValueError:
        return value.lower()


def matching(address: str) -> tuple[str, ...]:
    """The entries that a bare address would match: itself, its domain and what that is a subdomain of. As anybody may write any
    From, what can be no entry is left out."""
    local, _, domain = address.lower().rpartition("@")
    if not local:
        return ()
    labels = (ascii_domain(domain) or domain).split(".")
    domains = [".".join(labels[at:]) for at in range(len(labels))]
    names = (f"{local}@{domains[0]}", *domains[:-1])
    return tuple(name for name in names if name.isascii() and len(name) <= MAX_ENTRY)
