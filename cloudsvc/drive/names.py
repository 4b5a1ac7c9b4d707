"""Names and paths: text is parsed once, at the edge; whoever holds a value holds a valid one."""

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

UNICODE_VERSION: Final = unicodedata.unidata_version
"""Which version of Unicode made the keys. Later ones keep them (Unicode Normalization Stability Policy)."""

_REFUSED: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""General categories that no name may have: controls, surrogates, line and paragraph separators."""


@frozen(order=False)
class Name:
    """
    The name of one file or folder.

    :ivar text: as it was given, for people.
    :ivar key: in Normalization Form C (UAX #15): what makes two names the same. Case counts.
    """

    text: str = field(eq=False)
    key: str

    def __str__(self) -> str:
        return self.text


@frozen
class Path:
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
    def parent(self) -> Path:
        """The folder this is in; the root's is itself."""
        return Path(self.names[:-1])

    def is_within(self, other: Path) -> bool:
        """Whether this is ``other`` or below it, by whole names."""
        return self.names[: len(other.names)] == other.names

    def __truediv__(self, name: Name) -> Path:
        return Path((*self.names, name))

    def __bool__(self) -> bool:
        return bool(self.names)

    def __str__(self) -> str:
        return "/".join(name.text for name in self.names)


ROOT: Final = Path()


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


def fold_case(text: str) -> str:
    """``text`` as one sees it for whom case makes no difference, nor the form of Unicode that it is given in."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def parse_path(text: str) -> Path:
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
    return Path(tuple(map(parse_name, text.split("/"))))


def _bad_name(reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "invalid_path", f"This is no valid path: {reason}.")
