"""Tags of files: the valid ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.commands import Command, EditTags
from cloudsvc.drive.errors import tag_too_long, telling_which, too_many_tags
from cloudsvc.drive.limits import Limits


def check_commands(commands: Sequence[Command], limits: Limits) -> None:
    """
    See that the tags that ``commands`` add may be.

    :raises CloudError: as :func:`check_tags`.
    """
    for number, command in enumerate(commands, 1):
        if isinstance(command, EditTags):
            with telling_which(number, len(commands)):
                check_tags(command, limits)


def check_tags(command: EditTags, limits: Limits) -> None:
    """
    See that the tags to be added may be. How many a file then has is for the catalogue to see.

    :raises CloudError: one cannot be, and why.
    """
    if len({*command.add}) > limits.tags:
        raise too_many_tags(limits.tags)
    for tag in command.add:
        check_tag(tag)
        if len(tag) > limits.tag_length:
            raise tag_too_long(limits.tag_length)
    if both := {*command.add} & {*command.remove}:
        raise CloudError(Kind.INVALID, "contradictory_tags", f"{min(both)!r} cannot be both added and removed.")


def check_tag(tag: str) -> None:
    """
    See that ``tag`` may be one, be it a long one.

    :raises CloudError: it cannot be, and why.
    """
    if not tag or tag != tag.strip():
        raise _bad_tag("it is empty, or has white space around it")
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in tag):
        raise _bad_tag("it has a character that cannot be printed")


def _bad_tag(reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "invalid_tag", f"This is no valid tag: {reason}.")
