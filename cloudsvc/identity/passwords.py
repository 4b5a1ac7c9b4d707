"""Passwords: Argon2id (RFC 9106), in threads, a few at a time."""

from __future__ import annotations

import re
import unicodedata
from base64 import b64encode
from collections.abc import Callable
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from attrs import define, field

from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.identity.errors import invalid_password, too_many_passwords

T = TypeVar("T")

MIN_PASSWORD: Final = 12
"""Characters. Length is what helps (NIST SP 800-63B section 3.1.1.2); nothing is asked of which they are."""

MIN_LINK_PASSWORD: Final = 8
"""Characters of the password of a link, which is told to others, and tried so seldom that these are enough."""

MAX_PASSWORD: Final = 256
"""Characters, so that nobody has the server hash a book."""

MAX_HASH: Final = 256
"""Characters of a hash as it is kept."""

MAX_HASH_MEMORY: Final = 128 * 1024
"""KiB that a hash which is kept may take: twice those of today, and so little that nobody's hash fills the memory."""

MAX_HASH_PASSES: Final = 12
"""Passes over that memory that it may take; today it is three."""

MAX_HASH_LANES: Final = 8
"""Lanes that it may be computed in, each with a thread; today it is four."""

PASSWORD_THREADS: Final = 2
"""Passwords that are hashed at a time: each takes 64 MiB, and a core for some 50 ms."""

_MOST_WAITING: Final = 40
"""Passwords under way or waiting; the last is looked at after a second or two."""

_HASHER: Final = PasswordHasher(
    time_cost=3, memory_cost=64 * 1024, parallelism=4, hash_len=32, salt_len=16, type=Type.ID
)
"""The second recommended choice of RFC 9106 section 4."""

_FORM: Final = re.compile(
    r"\$argon2id\$v=19\$m=([1-9][0-9]{0,6}),t=([1-9][0-9]?),p=([1-9])\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}"
)
"""A hash as this program writes it: salts of 16 bytes, tags of 32, and costs."""


def _write_unmatched() -> str:
    """A hash that no password has, as far as anybody can know, and that takes as long to compare with as any."""
    salt, tag = (b64encode(bytes(length)).decode().rstrip("=") for length in (_HASHER.salt_len, _HASHER.hash_len))
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${tag}"


_UNMATCHED: Final = Secret(_write_unmatched())


def parse_password(text: str, least: int = MIN_PASSWORD) -> Secret:
    """
    ``text`` as a password that somebody chooses, in the form in which it is compared: in Normalization Form C, as the
    profile OpaqueString has it (RFC 8265 section 4.2), so that each keyboard writes the same.

    :param least: characters that it must have.
    :raises CloudError: it cannot be one, and why.
    """
    if len(text) > MAX_PASSWORD:
        raise invalid_password(f"it can have at most {MAX_PASSWORD} characters")
    for character in text:
        if unicodedata.category(character) in {"Cc", "Cs"}:
            raise invalid_password(f"it cannot contain U+{ord(character):04X}")
    found = _normalize(text)
    if len(found) < least:
        raise invalid_password(f"it must have at least {least} characters")
    return Secret(found)


@define(eq=False)
class Passwords:
    """
    Hashing and comparing.

    :param threads: of its own, :data:`PASSWORD_THREADS` of them: so many are hashed at a time.
    """

    _threads: ThreadRunner
    _waiting: int = field(init=False, default=0)

    async def hash(self, password: Secret) -> Secret:
        """
        What to keep of ``password``, which :func:`parse_password` has given, or which was found to be right.

        :raises CloudError: too many are waiting.
        """
        return Secret(await self._run(_HASHER.hash, _normalize(password.reveal())))

    async def verify(self, shown: Secret, kept: Secret | None) -> bool:
        """
        Whether ``shown`` is the password of which ``kept`` is kept; it takes the same time whatever comes of it.

        :param kept: ``None`` where there is none: then it is not; nor where it is no hash (:func:`is_hash`).
        :raises CloudError: too many are waiting.
        """
        text = shown.reveal()
        if len(text) > MAX_PASSWORD:
            text = text[:MAX_PASSWORD]
            kept = None
        if kept is not None and not is_hash(kept.reveal()):
            kept = None
        matches = await self._run(_matches, (kept or _UNMATCHED).reveal(), _normalize(text))
        return matches and kept is not None

    async def _run(self, function: Callable[..., T], *arguments: str) -> T:
        if self._waiting >= _MOST_WAITING:
            raise too_many_passwords()
        self._waiting += 1
        try:
            return await self._threads.run(function, *arguments)
        finally:
            self._waiting -= 1


def is_hash(text: str) -> bool:
    """
    Whether ``text`` has the form of what :meth:`Passwords.hash` gives, or gave with other costs, within bounds: what
    comes from elsewhere could say to take all memory, or hours, of whoever compares with it.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        return False
    memory, passes, lanes = map(int, found.groups())
    # As much memory as the lanes need (RFC 9106 section 3.1).
    return 8 * lanes <= memory <= MAX_HASH_MEMORY and passes <= MAX_HASH_PASSES and lanes <= MAX_HASH_LANES


def is_outdated(kept: Secret) -> bool:
    """Whether ``kept`` was hashed with other costs than today's: at the next chance it is hashed anew."""
    return _HASHER.check_needs_rehash(kept.reveal())


def _matches(kept: str, shown: str) -> bool:
    try:
        return _HASHER.verify(kept, shown)
    except (VerificationError, InvalidHashError):
        return False


def _normalize(text: str) -> str:
    # Halves of characters are no text, and match nothing.
    return unicodedata.normalize("NFC", text).encode(errors="replace").decode()
