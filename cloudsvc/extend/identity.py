"""
Public interface of users, groups and keys for front ends.

An application that only wants to know who acts needs none of it: that is :class:`~cloudsvc.extend.Actor`.
"""

from __future__ import annotations

from cloudsvc.access.openid.parties import Answer, RelyingParties
from cloudsvc.access.openid.state import ATTEMPT_COOKIE, ATTEMPT_SECONDS, MAX_RETURN, Linking
from cloudsvc.access.sessions import COOKIE_ATTRIBUTES, SESSION_COOKIE, SESSION_ENDED
from cloudsvc.core.managers import is_manager
from cloudsvc.identity.bounds import MAX_KEY_GRANTS, MAX_LINK_USES, MAX_SCOPE, MAX_SCOPES, MAX_USER_GROUPS
from cloudsvc.identity.directory import Directory, Profile, UserFields
from cloudsvc.identity.enrolment import Enrolment
from cloudsvc.identity.errors import link_locked, link_not_found
from cloudsvc.identity.factors import FactorKind, Factors
from cloudsvc.identity.federation import Federation
from cloudsvc.identity.groups import Group
from cloudsvc.identity.issuing import MAX_OVERLAP, Issued, Issuer, KeyFields
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import Key
from cloudsvc.identity.link_resolving import ResolvedLink
from cloudsvc.identity.linking import Linker, LinkFields, MadeLink
from cloudsvc.identity.links import Link
from cloudsvc.identity.names import MAX_DISPLAY_NAME, MAX_NAME
from cloudsvc.identity.owner import OwnerSwitch
from cloudsvc.identity.passkey_enrolment import AddedPasskey, PasskeyEnrolment
from cloudsvc.identity.passkey_proof import PasskeyProof
from cloudsvc.identity.passkeys import Names, Party, Passkey, find_party
from cloudsvc.identity.passwords import MAX_PASSWORD, MIN_LINK_PASSWORD, MIN_PASSWORD
from cloudsvc.identity.second_factor import Asked, SecondFactor, ShownFactor
from cloudsvc.identity.sessions import SESSION_CREDENTIAL, Session, SessionId
from cloudsvc.identity.settings import IdentitySettings
from cloudsvc.identity.signing_in import Begun, Proof, SigningIn
from cloudsvc.identity.subjects import MAX_ISSUER, MAX_SUBJECT, Subject
from cloudsvc.identity.users import User
from cloudsvc.identity.visiting import UNLOCKED_SECONDS, Visits

__all__ = [
    "ATTEMPT_COOKIE",
    "ATTEMPT_SECONDS",
    "COOKIE_ATTRIBUTES",
    "MAX_DISPLAY_NAME",
    "MAX_ISSUER",
    "MAX_KEY_GRANTS",
    "MAX_LINK_USES",
    "MAX_NAME",
    "MAX_OVERLAP",
    "MAX_PASSWORD",
    "MAX_RETURN",
    "MAX_SCOPE",
    "MAX_SCOPES",
    "MAX_SUBJECT",
    "MAX_USER_GROUPS",
    "MIN_LINK_PASSWORD",
    "MIN_PASSWORD",
    "SESSION_COOKIE",
    "SESSION_CREDENTIAL",
    "SESSION_ENDED",
    "UNLOCKED_SECONDS",
    "AddedPasskey",
    "Answer",
    "Asked",
    "Begun",
    "Directory",
    "Enrolment",
    "FactorKind",
    "Factors",
    "Federation",
    "Group",
    "IdentitySettings",
    "Issued",
    "Issuer",
    "Key",
    "KeyFields",
    "KeyId",
    "Link",
    "LinkFields",
    "Linker",
    "Linking",
    "MadeLink",
    "Names",
    "OwnerSwitch",
    "Party",
    "Passkey",
    "PasskeyEnrolment",
    "PasskeyProof",
    "Profile",
    "Proof",
    "RelyingParties",
    "ResolvedLink",
    "SecondFactor",
    "Session",
    "SessionId",
    "ShownFactor",
    "SigningIn",
    "Subject",
    "User",
    "UserFields",
    "Visits",
    "find_party",
    "is_manager",
    "link_locked",
    "link_not_found",
]
