"""Visits: what is done by whoever shows a link."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import frozen

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.errors import link_not_found, wrong_link_password
from cloudsvc.identity.link_resolving import LinkUses, ResolvedLink, name_link
from cloudsvc.identity.links import Link
from cloudsvc.identity.passwords import Passwords
from cloudsvc.identity.signing_in import Tries
from cloudsvc.identity.store import IdentityStore

UNLOCKED_SECONDS: Final = 60 * 60
"""Seconds for which a link that has a password stays unlocked for whoever has shown that."""

_SECOND: Final = 1_000_000
_PASS: Final = re.compile(rb"([0-9]{1,12})\.([0-9a-f]{64})")


@frozen(kw_only=True)
class Visits:
    """
    What visitors do by links.

    :param look_up: whether a link is good that somebody shows; what goes on by it is ended when it is not any more.
    :param tries: of passwords, which are counted.
    """

    _store: IdentityStore
    _passwords: Passwords
    _tries: Tries
    _uses: LinkUses
    _look_up: Callable[[bytes], Awaitable[ResolvedLink | None]]
    _now: Callable[[], Instant]

    async def find(self, shown: bytes) -> ResolvedLink | None:
        """
        The link whose secret was shown; ``None`` for none that is any good.

        :raises CloudError: unavailable, where nobody can say.
        """
        return await self._look_up(shown)

    def is_unlocked(self, link: Link, shown: bytes | None) -> bool:
        """
        Whether a link has no password, or whoever asks has shown it before.

        :param shown: what :meth:`unlock` has given them, if anything.
        """
        if link.password is None:
            return True
        found = _PASS.fullmatch(shown or b"")
        until, code = (0, b"") if found is None else (int(found[1]), found[2])
        is_right = hmac.compare_digest(_sign(link, until, link.password).encode(), code)
        return is_right and 0 < until - self._now() // _SECOND <= UNLOCKED_SECONDS

    async def unlock(self, link: Link, password: Secret, client: str) -> Secret:
        """
        What whoever knows the password of a link shows from now on, for :data:`UNLOCKED_SECONDS`. It is good for this
        link and this password alone, and nothing is kept of it.

        :param client: what clients are told apart by, whose tries are counted.
        :raises CloudError: it is another password; there were too many tries.
        """
        await self._tries.admit(client, name_link(link.id), None)
        is_right = await self._passwords.verify(password, link.password)
        if not is_right or link.password is None:
            raise wrong_link_password()
        until = self._now() // _SECOND + UNLOCKED_SECONDS
        return Secret(f"{until}.{_sign(link, until, link.password)}")

    def check_usable(self, link: Link) -> None:
        """
        See that a link takes a further use.

        :raises CloudError: it does not, and so is none.
        """
        if link.is_used_up:
            raise link_not_found()

    async def count(self, link: Link, client: str, what: str, *, begins: bool) -> None:
        """
        Count a use. Parts of one download, by the same client and of the same version, are one: see
        :meth:`~cloudsvc.identity.link_store.LinkStore.count_use`.

        :param what: names what is sent, the same for its parts; empty for what is received.
        :param begins: whether its beginning is among what is sent.
        :raises CloudError: the link takes none.
        """
        if link.most_uses is None:
            if begins:
                self._uses.note(link.id, self._now())
            return
        mark = hashlib.sha256(f"{client}\n{what}".encode()).digest()
        if not await self._store.count_use(link.id, mark, self._now(), begins=begins):
            raise link_not_found()


def _sign(link: Link, until: int, kept: Secret) -> str:
    # By what is kept of the password, so that it ends with that, and there is no other secret to keep.
    return hmac.new(kept.reveal().encode(), f"{name_link(link.id)} {until}".encode(), hashlib.sha256).hexdigest()
