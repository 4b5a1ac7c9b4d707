"""The HTTP API of users, groups and keys as an application."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsvc.api.identity.factors import FactorRoutes
from cloudsvc.api.identity.groups import GroupRoutes
from cloudsvc.api.identity.keys import KeyRoutes
from cloudsvc.api.identity.sessions import SessionRoutes
from cloudsvc.api.identity.users import UserRoutes
from cloudsvc.extend import Application, NoSettings, Routes
from cloudsvc.extend.identity import Directory, Enrolment, Issuer, SecondFactor, SigningIn


class IdentityApplication(Application[NoSettings]):
    """Who one is, users, groups, keys, sessions, second factors."""

    name = "identity"
    mounts = ("me", "users", "groups", "keys", "sessions")
    needs = (Directory, Issuer, SigningIn, SecondFactor, Enrolment)
    route_types = (UserRoutes, GroupRoutes, KeyRoutes, SessionRoutes, FactorRoutes)

    def make_routes(self) -> Sequence[Routes]:
        """All of them, around the same accounts."""
        services = self.tools.services
        directory, signing_in = services.get(Directory), services.get(SigningIn)
        second_factor = services.get(SecondFactor)
        return (
            UserRoutes(directory=directory),
            GroupRoutes(directory=directory),
            KeyRoutes(directory=directory, issuer=services.get(Issuer)),
            SessionRoutes(signing_in=signing_in, second_factor=second_factor),
            FactorRoutes(enrolment=services.get(Enrolment), second_factor=second_factor, signing_in=signing_in),
        )
