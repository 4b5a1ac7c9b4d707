"""Quotas of payers: what a user may still store, and what of theirs could make room."""

from __future__ import annotations

from functools import partial

from attrs import define, field

from cloudsvc.core.actors import Actor, Payer
from cloudsvc.core.sharing import SharedQuestion
from cloudsvc.drive.catalogue import Holdings
from cloudsvc.drive.errors import payer_quota_exceeded


def find_missing(payer: Payer | None, stored_bytes: int, size: int) -> int:
    """How many bytes the quota of ``payer``, of whom ``stored_bytes`` are stored, lacks for ``size`` more."""
    return 0 if payer is None or payer.quota is None else max(0, stored_bytes + size - payer.quota)


@define(eq=False)
class PayerQuotas:
    """
    Asks what is stored for payers. Whoever has no quota costs no question.

    What makes room for a payer is what they alone have stored: superseded versions, and what of the trash consists of
    nothing else. So nobody loses what another one has stored, and current files stay whatever happens.
    """

    _catalogue: Holdings
    # It costs what somebody's trash and old versions are; so many uploads that begin at once ask once. There are no
    # more than users for whom somebody waits.
    _asked: dict[str, tuple[SharedQuestion[int], int]] = field(factory=dict)

    async def check(self, size: int, actor: Actor) -> None:
        """
        See that ``size`` bytes more could count to the payer of ``actor``.

        :raises CloudError: they could not, also when everything is given up that may be.
        """
        missing = await self.find_missing(size, actor.payer)
        if actor.payer is not None and missing and missing > await self.count_droppable(actor.payer.name):
            raise payer_quota_exceeded(actor, missing=missing)

    async def find_missing(self, size: int, payer: Payer | None) -> int:
        """How many bytes the quota of ``payer`` lacks for ``size`` more."""
        if payer is None or payer.quota is None:
            return 0
        return find_missing(payer, (await self._catalogue.count_paid_bytes([payer.name]))[payer.name], size)

    async def count_droppable(self, name: str) -> int:
        """How many bytes less can count to a payer."""
        question, waiting = self._asked.get(name) or (
            SharedQuestion(partial(self._catalogue.droppable_paid_bytes, name)),
            0,
        )
        self._asked[name] = question, waiting + 1
        try:
            return await question.ask()
        finally:
            _, waiting = self._asked[name]
            if waiting > 1:
                self._asked[name] = question, waiting - 1
            else:
                del self._asked[name]
