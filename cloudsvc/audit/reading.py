"""Reading of an audit by those who may: whoever manages the whole drive."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.audit.entries import Wanted
from cloudsvc.audit.log import AuditLog, Page
from cloudsvc.core.actors import Actor
from cloudsvc.core.managers import check_manager


@frozen(kw_only=True)
class AuditReader:
    """An audit, as far as an actor may read it."""

    _log: AuditLog

    async def find_page(self, actor: Actor, wanted: Wanted, limit: int, *, before: int | None = None) -> Page:
        """
        Up to ``limit`` of the entries that are wanted, the newest first. There may be none of them on a page though
        there is another one.

        :param before: leaves out all from this number on.
        :raises CloudError: the actor does not manage the whole drive, or the log fails.
        """
        check_manager(actor)
        return await self._log.find_page(wanted, limit, before=before)
