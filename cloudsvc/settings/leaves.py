"""Leaf settings at the ends of the tree: each has an environment variable and a row in the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

import attrs
from attrs import NOTHING, frozen

PREFIX: Final = "CLOUDSVC__"
_Factory: Any = attrs.Factory  # a class, which its type hints pass off as a function


@frozen(kw_only=True)
class Leaf:
    """
    One setting.

    :ivar path: its sections and its key.
    :ivar type: with its ranges (:data:`typing.Annotated`).
    :ivar default: :data:`attrs.NOTHING` where it must be given.
    """

    path: tuple[str, ...]
    type: Any
    default: Any

    @property
    def name(self) -> str:
        """``server.port``."""
        return ".".join(self.path)

    @property
    def variable(self) -> str:
        """The environment variable that sets it: ``CLOUDSVC__SERVER__PORT``."""
        return PREFIX + "__".join(self.path).upper()


def find_leaves(section: type, *path: str) -> Iterator[Leaf]:
    """The settings in the attrs class ``section``, which is found at ``path``, in order."""
    types = get_type_hints(section, include_extras=True)
    for field in attrs.fields(section):
        target = types[field.name]
        plain = get_args(target)[0] if get_origin(target) is Annotated else target
        if attrs.has(plain):
            yield from find_leaves(plain, *path, field.name)
        else:
            yield Leaf(path=(*path, field.name), type=target, default=_default(field))


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    if isinstance(default, _Factory):
        return NOTHING if default.takes_self else default.factory()
    return default
