"""The DNS of the deployment's own domain: whether mail finds its way here, and whether others believe the mail from here."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from admin.doctor.findings import Finding, fail, ok, warn
from mailroom.ports import Resolver

PRIVATE = ("local", "localhost", "test", "invalid", "example", "internal")
"""Top-level names that no DNS has."""


def checks(
    domain: str, resolver: Resolver, *, inbound_host: str | None, spf_mechanism: str | None
) -> dict[str, Callable[[], Finding]]:
    """`inbound_host` and `spf_mechanism` are what the provider needs; None on one machine, which does not know its own name."""
    if domain.rpartition(".")[2] in PRIVATE:
        return {"domain": lambda: private(domain)}
    return {
        "mx": lambda: mx(domain, inbound_host, resolver),
        "spf": lambda: spf(domain, spf_mechanism, resolver),
        "dmarc": lambda: dmarc(domain, resolver),
    }


def private(domain: str) -> Finding:
    return warn(f"The default domain is {domain}: nobody outside can write to it.", "Set MAILROOM_DOMAIN to a domain of yours.")


def mx(domain: str, wanted: str | None, resolver: Resolver) -> Finding:
    hosts = _by_priority(resolver.look_up(domain, "MX"))
    if not hosts:
        target = wanted or "the name under which this machine is reached"
        return fail(f"{domain} has no MX record: no mail arrives.", f"Publish MX 10 {target} for {domain}.")
    if wanted is None:
        return _reachable(domain, hosts, resolver)
    if wanted not in hosts:
        return fail(f"Mail to {domain} goes to {hosts[0]}, not here.", f"Publish MX 10 {wanted} for {domain}, and no other.")
    if hosts != [wanted]:
        return warn(f"Some mail to {domain} may go to {', '.join(h for h in hosts if h != wanted)}.", f"Leave only MX 10 {wanted}.")
    return ok(f"Mail to {domain} comes here.")


def spf(domain: str, mechanism: str | None, resolver: Resolver) -> Finding:
    policies = _policies(resolver.look_up(domain, "TXT"), "v=spf1")
    wanted = f"v=spf1 {mechanism or 'mx'} ~all"
    if not policies:
        return warn(f"{domain} has no SPF record: others may take its mail for forged.", f'Publish TXT "{wanted}" for {domain}.')
    if len(policies) > 1:
        return fail(f"{domain} has {len(policies)} SPF records, and so none that counts.", "Make one of them.")
    if mechanism is not None and mechanism not in policies[0].lower().split():
        return warn("The SPF record does not name the mail provider.", f'Add {mechanism} to "{policies[0]}".')
    return ok(f'The SPF record is "{policies[0]}".')


def dmarc(domain: str, resolver: Resolver) -> Finding:
    policies = _policies(resolver.look_up(f"_dmarc.{domain}", "TXT"), "v=dmarc1")
    if not policies:
        advice = f'Publish TXT "v=DMARC1; p=reject; rua=mailto:postmaster@{domain}" for _dmarc.{domain}.'
        return warn(f"{domain} has no DMARC record: large receivers refuse much of its mail.", advice)
    if len(policies) > 1:
        return fail(f"_dmarc.{domain} has {len(policies)} DMARC records, and so none that counts.", "Leave one of them.")
    return ok(f'The DMARC record is "{policies[0]}".')


def dkim(tokens: Sequence[str], domain: str, resolver: Resolver) -> Finding:
    """Of an SES identity."""
    missing = [
        token for token in tokens if resolver.look_up(f"{token}._domainkey.{domain}", "CNAME") != (f"{token}.dkim.amazonses.com",)
    ]
    if not tokens:
        return fail(f"SES has no DKIM keys for {domain}.", "Switch on Easy DKIM for the identity in SES.")
    if missing:
        names = ", ".join(f"{token}._domainkey.{domain} CNAME {token}.dkim.amazonses.com" for token in missing)
        return fail(f"{len(missing)} of {len(tokens)} DKIM records are missing or wrong.", f"Publish {names}.")
    return ok(f"All {len(tokens)} DKIM records of {domain} are there.")


def _reachable(domain: str, hosts: Sequence[str], resolver: Resolver) -> Finding:
    lost = [host for host in hosts if not (resolver.look_up(host, "A") or resolver.look_up(host, "AAAA"))]
    if lost:
        return fail(
            f"The MX record of {domain} names {', '.join(lost)}, which has no address.", "Publish an A or AAAA record for it."
        )
    return ok(f"Mail to {domain} goes to {', '.join(hosts)}; see that this is the machine.")


def _by_priority(records: Sequence[str]) -> list[str]:
    pairs = sorted((int(priority), host) for priority, _, host in (record.partition(" ") for record in records))
    return [host for _, host in pairs]


def _policies(texts: Sequence[str], version: str) -> list[str]:
    return [text for text in texts if text.lower().replace(";", " ").split()[:1] == [version]]
