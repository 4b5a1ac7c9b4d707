"""
Standing of those whose answers go on for long: whether their credentials still prove what they proved at the beginning.

A credential is asked for with each request. An answer that goes on for hours outlives that; so it is asked again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.web.policies import policies_of

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_log = Logger("cloudsvc.web")

LOOK_SECONDS: Final = 1.0
"""Between two looks: so long at most, and as long as a look-up takes, an answer goes on that should not."""


@define(eq=False)
class Standings:
    """
    The requests of an application whose answers go on for long.

    Each credential is asked for once a second, however many requests it has; where nobody is watched, nothing is.
    There are no more than connections.
    """

    _clock: IReactorTime
    _watched: dict[int, dict[object, tuple[Request, Callable[[], None]]]] = field(factory=dict)
    _looking: LoopingCall = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._looking = LoopingCall(lambda: Deferred.fromCoroutine(self.look()))
        self._looking.clock = self._clock

    def watch(self, request: Request, end: Callable[[], None]) -> Callable[[], None]:
        """
        Call ``end`` once the credential of ``request`` proves something else, or nothing: it was revoked, has expired,
        or has other rights now.

        :return: what ends the watching.
        """
        credential = policies_of(request).authenticator.name_credential(request)
        mark = object()
        self._watched.setdefault(credential, {})[mark] = request, end
        if not self._looking.running:
            self._looking.start(LOOK_SECONDS, now=False)
        return lambda: self._forget(credential, mark)

    async def look(self) -> None:
        """Ask once for each credential."""
        for credential in [*self._watched]:
            requests = [*self._watched.get(credential, {}).values()]
            if requests and not await _still_stands(requests[0][0]):
                for _, end in requests:
                    end()

    def _forget(self, credential: int, mark: object) -> None:
        watched = self._watched.get(credential, {})
        watched.pop(mark, None)
        if not watched:
            self._watched.pop(credential, None)
        if not self._watched and self._looking.running:
            self._looking.stop()


async def _still_stands(request: Request) -> bool:
    try:
        return await policies_of(request).authenticator.identify(request) == request.principal
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001  # a look-up that fails says nothing of the credential, as when it is first shown
        _log.failure("request {id}: nobody can tell whether its credential is still valid", id=request.id)
        return True
