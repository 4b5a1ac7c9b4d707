"""Services that the server has opened for applications, to be asked for by their types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

from attrs import field, frozen

T = TypeVar("T")


@frozen(kw_only=True)
class Services:
    """
    The services of one application.

    :ivar needs: the types that it has declared; nothing else is given to it.
    """

    needs: tuple[type, ...] = ()
    _opened: Mapping[type, object] = field(factory=dict, repr=False)  # filled before applications start

    def get(self, kind: type[T]) -> T:
        """
        The one service of type ``kind``, from the start of the application to its end.

        :raises LookupError: the application does not declare it in ``needs``, or has not been started.
        """
        if kind not in self.needs:
            raise LookupError(f"{kind.__name__} is not among the needs of this application: declare it there")
        if kind not in self._opened:
            raise LookupError(f"{kind.__name__} is not open: ask for it when the application starts, and not before")
        return cast("T", self._opened[kind])
