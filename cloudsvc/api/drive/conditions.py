"""Preconditions of requests that change something (RFC 9110 section 13), in the terms of the drive."""

from __future__ import annotations

from attrs import evolve

from cloudsvc.extend import File, Preconditions, Request, Validators
from cloudsvc.extend.drive import Condition, Instant, Version


def read_condition(request: Request) -> Condition:
    """What ``request`` demands of what is at its path, to be evaluated in the same step as the change."""
    return make_condition(Preconditions.of(request))


def make_condition(asked: Preconditions) -> Condition:
    """What ``asked`` demands of a file, in the terms of the drive."""
    condition = Condition()
    if asked.match is not None:
        condition = evolve(
            condition,
            present=asked.match.star,
            validators=None if asked.match.star else asked.match.strong,
        )
    elif asked.unmodified_since is not None:
        condition = evolve(condition, unmodified_since=asked.unmodified_since)
    if asked.none_match is not None:
        condition = evolve(condition, absent=asked.none_match.star, excluded=asked.none_match.all)
    return condition


def validators_of(file: File, version: Version) -> Validators:
    """
    The validators of a version of ``file``. Each change of what is at a path comes later than the one before, whatever
    dates an import has given it; but a second may hold several, so that for ranges only the tag counts.
    """
    changed_at = file.updated_at if version.id == file.version.id else version.created_at
    return Validators(tag=version.validator, modified_at=to_second(changed_at), stored_at=to_second(version.created_at))


def to_second(instant: Instant) -> int:
    """The whole second that ``instant`` is in."""
    return instant // 1_000_000
