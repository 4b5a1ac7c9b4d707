"""Application that says whether its process leads."""

from __future__ import annotations

from attrs import frozen

from cloudsvc.extend import Application, Klein, Leader, Message, NoSettings, Request, route

LEADING = "tests.support.leading_application:Leading"
"""What ``config.applications`` calls it."""


@frozen(kw_only=True)
class LeadingMessage(Message):
    """
    Whether it leads.

    :ivar leads: now.
    """

    leads: bool


class Leading(Application[NoSettings]):
    """Who leads."""

    name = "leading"
    mounts = ("leading",)
    settings_type = NoSettings
    needs = (Leader,)
    app = Klein()

    @route(app, "GET", "/leading")
    async def tell(self, request: Request) -> LeadingMessage:
        """Say whether this process leads."""
        return LeadingMessage(message="So it is.", leads=self.tools.services.get(Leader).leads)
