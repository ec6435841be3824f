"""Rows of the core table that belong to an organization, or to nobody."""

from __future__ import annotations

from mailroom.store.keys.parts import TOP, enc
from mailroom.store.port import Key


def organization(o: str) -> Key:
    return Key("core", o, "ORG")


def pod(o: str, pod_id: str) -> Key:
    """Ids are time-sortable, so pods sort by creation."""
    return Key("core", o, f"POD#{enc(pod_id)}")


def pod_range() -> tuple[str, str]:
    return "POD#", "POD#" + TOP


def api_key_record(o: str, api_key_id: str) -> Key:
    return Key("core", o, f"AK#{enc(api_key_id)}")


def api_key_range() -> tuple[str, str]:
    return "AK#", "AK#" + TOP


def webhook(o: str, webhook_id: str) -> Key:
    """Ids are time-sortable, so webhooks sort by creation."""
    return Key("core", o, f"WH#{enc(webhook_id)}")


def webhook_range() -> tuple[str, str]:
    return "WH#", "WH#" + TOP


def domain(o: str, name: str) -> Key:
    return Key("core", o, f"DOM#{enc(name)}")


def domain_claim(name: str) -> Key:
    """Whose domain it is in this deployment, or was last."""
    return Key("core", f"DOMAIN#{enc(name)}", "-")


def domain_family(name: str) -> str:
    """Partition of the domains of all organizations that have the last two labels in common: no name of another family stands
    above or below one of this family's."""
    return "DOMAINS#" + enc(".".join(name.split(".")[-2:]))


def family_domain(name: str) -> Key:
    """The name in its family, where it sorts right before those below it."""
    return Key("core", domain_family(name), _backwards(name))


def names_below(name: str) -> tuple[str, str]:
    """The domains of the family that end in the name; the name itself comes first."""
    return _backwards(name), _backwards(name) + TOP


def family_version(name: str) -> Key:
    """Counts the domains that were ever added to the family."""
    return Key("core", domain_family(name), "-")


def _backwards(name: str) -> str:
    return "".join(f"{enc(label)}." for label in reversed(name.split(".")))


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
    return f"{direction}#{kind}#", f"{direction}#{kind}#{TOP}"


def list_counts(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> Key:
    """How many entries each list of a scope has, beside them and in none of their ranges."""
    return Key("core", lists(o, pod_id=pod_id, inbox_id=inbox_id), "COUNTS")


def client_id(o: str, kind: str, value: str) -> Key:
    return Key("core", o, f"CID#{kind}#{enc(value)}")


def api_key_secret(secret_hash: str) -> Key:
    return Key("core", f"KEY#{secret_hash}", "-")


def human(address_hash: str) -> Key:
    """Which organization waits to be verified by the person with this address."""
    return Key("core", f"HUMAN#{address_hash}", "-")


def address(email: str) -> Key:
    return Key("core", f"ADDR#{enc(email)}", "-")


def deployment_secret() -> Key:
    return Key("core", "DEPLOYMENT", "SECRET")
