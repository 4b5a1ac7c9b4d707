"""Who acts, and by which credential that was established."""

from __future__ import annotations

from attrs import frozen


@frozen(kw_only=True)
class Actor:
    """
    Someone on whose behalf a use-case runs.

    :ivar name: unique and stable; ``owner`` is whoever holds the server's own key.
    :ivar scopes: what the actor may do; ``*`` is everything.
    """

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Whether the actor's scopes include ``scope``."""
        return "*" in self.scopes or scope in self.scopes


OWNER = Actor(name="owner", scopes=frozenset({"*"}))


@frozen(kw_only=True)
class Principal:
    """An actor together with the credential that proved it (``via``, such as ``key`` or ``bearer``)."""

    actor: Actor
    via: str
