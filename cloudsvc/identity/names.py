"""
Names of users, groups and programs: text is parsed once, at the edge; whoever holds a value holds a valid one.

Such a name is typed, read aloud, compared by eye in a list of who may see a folder, and written into logs and tables of
other programs. So it is made of ASCII letters in lower case, digits and three signs, which leaves out homographs of
other scripts (``anna`` with a Cyrillic first letter), invisible characters and every question of normalization. How
somebody is called in their own script says the display name, which decides nothing.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from attrs import field, frozen

from cloudsvc.identity.errors import invalid_display_name, invalid_name, reserved_name

MAX_NAME: Final = 64
"""Characters of a name."""

MAX_DISPLAY_NAME: Final = 128
"""Characters of a display name or of a label."""

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")

_LOOK_ALIKE: Final = str.maketrans({"0": "o", "1": "l", "m": "rn", "w": "vv"})
"""What many fonts show alike, each by its prototype: lower-case ASCII of Unicode's confusables (UTS #39 section 4)."""

_RESERVED: Final = ("owner", "system", "anonymous", "everyone", "nobody", "me")
"""Who acts without being a user, and words that mean somebody else to each reader."""

_REFUSED: Final = re.compile(
    "[\\x00-\\x1f\\x7f-\\x9f\\u061c\\u200b\\u200e\\u200f\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ud800-\\udfff]"
)
"""
What a display name may not have: controls, what turns the direction of text, what is not seen, and halves of
characters. The joiners U+200C and U+200D stay, without which some scripts are misspelt.
"""


@frozen(order=False)
class AccountName:
    """
    The name of a user, a group or a program.

    :ivar text: in lower case.
    :ivar key: what makes two names the same: characters that look alike do not tell them apart, so that nobody is taken
        for somebody else (``bill`` and ``bi11``). Twice as long as the text at most.
    """

    text: str = field(eq=False)
    key: str

    def __str__(self) -> str:
        return self.text


def parse_account_name(text: str) -> AccountName:
    """
    ``text`` as the name of a user, a group or a program, whatever its case.

    :raises CloudError: it is none, and why; or it is one of a few that are never given.
    """
    if not text:
        raise invalid_name("it cannot be empty")
    if len(text) > MAX_NAME:
        raise invalid_name(f"it can have at most {MAX_NAME} characters")
    for character in text:
        if not (character.isascii() and (character.isalnum() or character in "._-")):
            raise invalid_name(
                f"it cannot contain U+{ord(character):04X}; write letters a to z, digits, '.', '_' and '-', "
                "and anything else into the display name"
            )
    if not _NAME.fullmatch(text):
        raise invalid_name("it begins and ends with a letter or a digit")
    name = AccountName(text.lower(), _fold(text))
    if name.key in _RESERVED_KEYS:
        raise reserved_name(name.text)
    return name


def parse_display_name(text: str) -> str:
    """
    ``text`` as how somebody, or a key, is called on a page: one line in any script, in Normalization Form C.

    :raises CloudError: it is none, and why.
    """
    found = unicodedata.normalize("NFC", text).strip()
    if refused := _REFUSED.search(found):
        raise invalid_display_name(f"it cannot contain U+{ord(refused[0]):04X}")
    if len(found) > MAX_DISPLAY_NAME:
        raise invalid_display_name(f"it can have at most {MAX_DISPLAY_NAME} characters")
    return found


def _fold(text: str) -> str:
    return text.lower().translate(_LOOK_ALIKE)


_RESERVED_KEYS: Final = frozenset(map(_fold, _RESERVED))
