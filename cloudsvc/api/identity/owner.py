"""Routes of the owner's token: whether it is switched off, and the switch."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.identity.descriptions import FAILED, NO_RIGHT, READ, WRITE, NoQuery
from cloudsvc.extend import Klein, Message, Request, accepts_json, accepts_query, authorized, route, throttled
from cloudsvc.extend.identity import OwnerSwitch

_NO_MANAGER = "Nobody else would get in to manage the accounts."


@frozen(kw_only=True)
class OwnerMessage(Message):
    """
    The owner's token.

    :ivar disabled: Whether it is switched off.
    """

    disabled: bool


@frozen(kw_only=True)
class OwnerChanges:
    """
    What is to become of the owner's token.

    :ivar disabled: Whether it is to be switched off.
    """

    disabled: bool


@frozen(kw_only=True)
class OwnerRoutes:
    """``/owner``."""

    app: ClassVar[Klein] = Klein()
    switch: OwnerSwitch

    @route(app, "GET", "/owner", errors={403: NO_RIGHT, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_owner(self, request: Request, query: NoQuery) -> OwnerMessage:
        """Say whether the owner's token is switched off, for who manages the accounts."""
        return OwnerMessage(message="Owner found.", disabled=await self.switch.is_off(request.actor))

    @route(app, "PATCH", "/owner", errors={403: NO_RIGHT, 409: _NO_MANAGER, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(OwnerChanges)
    async def patch_owner(self, request: Request, query: NoQuery, body: OwnerChanges) -> OwnerMessage:
        """
        Switch the owner's token off, or on again, for who manages the accounts.

        It is switched off where a user gets in who manages the accounts; from then on no change leaves nobody who does.
        """
        if body.disabled:
            await self.switch.switch_off(request.actor)
        else:
            await self.switch.switch_on(request.actor)
        return OwnerMessage(message="Owner changed.", disabled=body.disabled)
