"""Passkeys: credentials of authenticators that sign what a server asks them (Web Authentication, level 3)."""

from __future__ import annotations

import secrets
from typing import Final, NewType

from attrs import field, frozen
from attrs.validators import max_len

from cloudsvc.core.clock import Instant
from cloudsvc.identity.factor_errors import no_passkeys_here
from cloudsvc.identity.names import MAX_DISPLAY_NAME
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.users import Holder, UserId

PasskeyId = NewType("PasskeyId", str)
"""Names a passkey: 24 random hexadecimal digits. Never used again."""

_TLS_PORT: Final = ":443"


def make_passkey_id() -> PasskeyId:
    """A new one."""
    return PasskeyId(secrets.token_hex(12))


@frozen(kw_only=True)
class Passkey:
    """
    A passkey as of one moment. What is kept lets nobody in: the private key is in the authenticator alone.

    :ivar label: for people, such as the name of the device.
    :ivar host: the name of this server for which it was made, and for no other.
    :ivar credential: by what the authenticator knows it.
    :ivar public_key: in COSE (RFC 9052), as the authenticator has written it.
    :ivar sign_count: how often the authenticator said that it had signed; 0 where it does not count.
    :ivar is_synced: whether it is kept in more places than one device.
    :ivar used_at: when it was shown last; ``None`` for never.
    :ivar made: the change that made it; the store says which.
    """

    id: PasskeyId
    user: UserId
    label: str = field(default="", validator=max_len(MAX_DISPLAY_NAME))
    host: str
    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int = 0
    is_synced: bool = False
    created_at: Instant
    used_at: Instant | None = None
    made: Revision = NEVER


@frozen(kw_only=True)
class FoundPasskey:
    """
    A passkey, with what has to be known to let its user in by it.

    :ivar is_void: whether it is from before all credentials were declared void.
    """

    passkey: Passkey
    holder: Holder
    is_void: bool


@frozen
class Names:
    """The names of this server, those of its certificate: passkeys are for these alone."""

    texts: tuple[str, ...]


@frozen(kw_only=True)
class Party:
    """
    This server as somebody has asked it: the relying party.

    :ivar host: its name, for which passkeys are made (the RP ID).
    :ivar origin: of its pages.
    """

    host: str
    origin: str


def find_party(host: str, names: Names) -> Party:
    """
    The relying party that somebody means who asks ``host``.

    :param host: the ``Host`` of the request.
    :param names: of this server. Whoever relays requests under a name of their own is not it.
    :raises CloudError: it is none of them, or an address, for which browsers make no passkeys.
    """
    text = host.lower().removesuffix(_TLS_PORT)
    name = text.rpartition(":")[0] or text
    if name not in {each.lower() for each in names.texts} or name.replace(".", "").isdecimal() or name.startswith("["):
        raise no_passkeys_here()
    return Party(host=name, origin=f"https://{text}")
