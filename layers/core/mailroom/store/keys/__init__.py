"""The only builder of keys (design: data.md, "Keys"). Every tenant key starts with the organization id of the credential.

o = organization id, h = `ids.digest26(message_id)`. Components are percent-encoded for `#` and `%`, so that no address, label or
client id can reach into another component. Used as `keys.message(...)`, whatever module below builds it.
"""
# ruff: noqa: F403

from mailroom.store.keys.blobs import *
from mailroom.store.keys.inbox import *
from mailroom.store.keys.index import *
from mailroom.store.keys.organization import *
from mailroom.store.keys.parts import *
from mailroom.store.keys.records import *
