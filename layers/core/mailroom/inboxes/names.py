"""Local parts: which are allowed, and readable ones for those who do not choose (spec: inboxes.md, "Create")."""

from __future__ import annotations

import re
import secrets

RESERVED = frozenset({"postmaster", "abuse", "mailer-daemon", "noreply-ses"})
_USERNAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?")

_ADJECTIVES = (
    "able amber bold brave bright brisk calm candid clear clever cosy crisp daring eager early easy fair fancy fast fine fond free "
    "fresh gentle glad golden good grand great green happy hardy honest humble ideal jolly keen kind large late light lively "
    "lucky mellow merry mighty mild modest neat nice noble open plain polite proud quick quiet rapid ready rich rosy round "
    "royal sharp shiny silent silver simple smart smooth snug soft solid spry steady stout sunny super swift tall tidy tiny "
    "true vast vivid warm wise witty young zesty"
).split()
_NOUNS = (
    "acorn apple arrow aspen badger bay beach bear birch bird bloom boat breeze brook canyon cedar cloud clover comet coral crane "
    "creek daisy dawn deer delta dove dune eagle elm ember falcon fern field finch fire fjord forest fox garden glade grove "
    "harbor hawk hazel heron hill island ivy jade lake lark leaf lily lion lynx maple marsh meadow mesa moon moss oak ocean "
    "olive orchid otter owl palm panda pearl pebble pine planet pond poppy quail rain raven reef ridge river robin rose sage "
    "seal shell sky snow sparrow spring star stone storm stream sun swan thrush tiger trail tulip valley wave willow wind wolf wren"
).split()


def username(value: str) -> str:
    """In lower case. Raises ValueError."""
    name = value.lower()
    if not _USERNAME.fullmatch(name) or ".." in name:
        raise ValueError("Must be 1-64 of a-z 0-9 . _ -, begin and end with a letter or digit, and not contain two dots in a row")
    if name in RESERVED:
        raise ValueError("This name is reserved")
    return name


def readable_username() -> str:
    return f"{secrets.choice(_ADJECTIVES)}{secrets.choice(_NOUNS)}{secrets.randbelow(900) + 100}"
