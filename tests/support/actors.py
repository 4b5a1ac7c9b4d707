"""Actors with grants."""

from __future__ import annotations

from cloudsvc.core.actors import Actor, Grant, Role


def make_guest(*grants: tuple[Role, int], name: str = "guest") -> Actor:
    """An actor who has all scopes, and these roles on folders."""
    return Actor(
        name=name,
        scopes=frozenset({"*"}),
        grants=tuple(Grant(role=role, folder=folder) for role, folder in grants),
    )
