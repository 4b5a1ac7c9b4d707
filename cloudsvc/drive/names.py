"""File names and drive paths: text is parsed once, at the edge; whoever holds a value holds a valid one."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from attrs import field, frozen

from cloudsvc.core.errors import CloudError, Kind

MAX_NAME_BYTES: Final = 255
"""Bytes of a name in UTF-8, as given and as compared: what file systems take, so that an export always succeeds."""

MAX_PATH_BYTES: Final = 4096
"""Bytes of a path in UTF-8, with its separators (``PATH_MAX`` of Linux)."""

MAX_PATH_NAMES: Final = 128
"""Names of a path. No honest tree comes near, and what is deep costs as much for each file in it."""

_MAX_EXTENSION_BYTES: Final = 32
"""Bytes of what follows the last dot in a name, and tells its type."""

_REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""General categories that no name may have: controls, surrogates, line and paragraph separators."""


@frozen(order=False)
class Name:
    """
    The name of one file or folder.

    :ivar text: as it was given, for people.
    :ivar key: in Normalization Form C (UAX #15): what makes two names the same. Case counts. Whatever version of
        Unicode has made it, later ones keep it (Unicode Normalization Stability Policy).
    """

    text: str = field(eq=False)
    key: str

    def __str__(self) -> str:
        return self.text


@frozen
class DrivePath:
    """
    Where a file or folder is: names from the top down. Without names it is the root.

    :ivar names: none of them is empty, ``.`` or ``..``.
    """

    names: tuple[Name, ...] = ()

    @property
    def name(self) -> Name:
        """The last name. The root has none: ``IndexError``."""
        return self.names[-1]

    @property
    def parent(self) -> DrivePath:
        """The folder this is in; the root's is itself."""
        return DrivePath(self.names[:-1])

    def is_within(self, other: DrivePath) -> bool:
        """Whether this is ``other`` or below it, by whole names."""
        return self.names[: len(other.names)] == other.names

    def __truediv__(self, name: Name) -> DrivePath:
        return DrivePath((*self.names, name))

    def __bool__(self) -> bool:
        return bool(self.names)

    def __str__(self) -> str:
        return "/".join(name.text for name in self.names)


ROOT: Final = DrivePath()


@lru_cache(4096)
def parse_name(text: str) -> Name:
    """
    ``text`` as the name of a file or folder.

    Names that other systems cannot store (``CON``, ``a:b``, a last dot) are good names here, and names that differ in
    case only are two names.

    :raises CloudError: it is none, and why.
    """
    if not text:
        raise _bad_name("a name cannot be empty; look for a double or a final slash")
    if text in {".", ".."}:
        raise _bad_name(f"{text!r} is no name")
    if "/" in text:
        raise _bad_name("a name cannot contain a slash")
    for character in text:
        if unicodedata.category(character) in _REFUSED:
            raise _bad_name(f"a name cannot contain the character U+{ord(character):04X}")
    key = unicodedata.normalize("NFC", text)
    if max(len(text.encode()), len(key.encode())) > MAX_NAME_BYTES:
        raise _bad_name(f"a name cannot be longer than {MAX_NAME_BYTES} bytes in UTF-8")
    return Name(text, key)


def add_suffix(name: Name, suffix: str) -> Name:
    """
    ``name`` with ``suffix`` in parentheses before what follows its last dot: ``a (2).txt``. The end of the rest is
    given up where it becomes too long.

    :param suffix: a few ASCII characters.
    """
    stem, dot, extension = name.key.rpartition(".")
    if not stem or len(extension.encode()) > _MAX_EXTENSION_BYTES:
        stem, dot, extension = name.key, "", ""
    added = f" ({suffix}){dot}{extension}"
    kept = stem.encode()[: MAX_NAME_BYTES - len(added.encode())].decode(errors="ignore")
    return parse_name(kept + added)


def fold_case(text: str) -> str:
    """``text`` as one sees it for whom case makes no difference, nor the form of Unicode that it is given in."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def parse_path(text: str) -> DrivePath:
    """
    ``text``, names with slashes between them, as a path; the empty text is the root.

    :raises CloudError: it is none, and why.
    """
    if not text:
        return ROOT
    if len(text.encode(errors="surrogatepass")) > MAX_PATH_BYTES:
        raise _bad_name(f"a path cannot be longer than {MAX_PATH_BYTES} bytes in UTF-8")
    if text.count("/") >= MAX_PATH_NAMES:
        raise _bad_name(f"a path cannot have more than {MAX_PATH_NAMES} names")
    return DrivePath(tuple(map(parse_name, text.split("/"))))


def _bad_name(reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "invalid_path", f"This is no valid path: {reason}.")
