"""The HTTP API of users, groups and keys as an application."""

from __future__ import annotations

from collections.abc import Sequence

from cloudsvc.api.identity.factors import FactorRoutes
from cloudsvc.api.identity.groups import GroupRoutes
from cloudsvc.api.identity.keys import KeyRoutes
from cloudsvc.api.identity.links.management import LinkRoutes
from cloudsvc.api.identity.links.visitors import VisitorRoutes
from cloudsvc.api.identity.openid import OpenIDRoutes
from cloudsvc.api.identity.owner import OwnerRoutes
from cloudsvc.api.identity.passkeys import PasskeyRoutes
from cloudsvc.api.identity.sessions import SessionRoutes
from cloudsvc.api.identity.subjects import SubjectRoutes
from cloudsvc.api.identity.users import UserRoutes
from cloudsvc.extend import Application, Drive, Routes
from cloudsvc.extend.identity import (
    Directory,
    Enrolment,
    Federation,
    IdentitySettings,
    Issuer,
    Linker,
    Names,
    OwnerSwitch,
    PasskeyEnrolment,
    PasskeyProof,
    RelyingParties,
    SecondFactor,
    SigningIn,
    Visits,
)


class IdentityApplication(Application[IdentitySettings]):
    """Who one is, users, groups, keys, sessions, second factors, links, accounts at providers."""

    name = "identity"
    mounts = ("me", "users", "groups", "keys", "sessions", "links", "owner", "/s")
    settings_type = IdentitySettings
    needs = (
        Directory,
        Drive,
        Issuer,
        Linker,
        SigningIn,
        SecondFactor,
        Enrolment,
        PasskeyProof,
        PasskeyEnrolment,
        Names,
        Visits,
        Federation,
        RelyingParties,
        OwnerSwitch,
    )
    route_types = (
        UserRoutes,
        GroupRoutes,
        KeyRoutes,
        SessionRoutes,
        FactorRoutes,
        PasskeyRoutes,
        LinkRoutes,
        VisitorRoutes,
        OpenIDRoutes,
        SubjectRoutes,
        OwnerRoutes,
    )

    def make_routes(self) -> Sequence[Routes]:
        """All of them, around the same accounts."""
        services = self.tools.services
        directory, signing_in = services.get(Directory), services.get(SigningIn)
        second_factor, names = services.get(SecondFactor), services.get(Names)
        federation = services.get(Federation)
        return (
            UserRoutes(directory=directory),
            GroupRoutes(directory=directory),
            KeyRoutes(directory=directory, issuer=services.get(Issuer)),
            SessionRoutes(signing_in=signing_in, second_factor=second_factor, names=names),
            FactorRoutes(
                enrolment=services.get(Enrolment), second_factor=second_factor, signing_in=signing_in, names=names
            ),
            PasskeyRoutes(
                enrolment=services.get(PasskeyEnrolment),
                passkeys=services.get(PasskeyProof),
                signing_in=signing_in,
                names=names,
            ),
            LinkRoutes(linker=services.get(Linker)),
            VisitorRoutes(drive=services.get(Drive), visits=services.get(Visits)),
            OpenIDRoutes(parties=services.get(RelyingParties), federation=federation, signing_in=signing_in),
            SubjectRoutes(federation=federation),
            OwnerRoutes(switch=services.get(OwnerSwitch)),
        )
