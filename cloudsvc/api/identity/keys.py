"""Key routes: keys are made, listed, changed, rotated and revoked."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.identity.descriptions import (
    FAILED,
    IN_THE_WAY,
    NO_KEY,
    NO_RIGHT,
    NO_USER,
    READ,
    WRITE,
    DisplayText,
    ExpiryText,
    ListQuery,
    NameText,
    NoQuery,
    RoleOnPath,
    ScopeTexts,
)
from cloudsvc.api.identity.expiry import read_expiry
from cloudsvc.api.identity.key_messages import IssuedMessage, KeyEntry, KeyMessage, KeyPage, RevokedMessage
from cloudsvc.api.identity.roles import Paths
from cloudsvc.extend import (
    Klein,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.identity import MAX_KEY_GRANTS, MAX_OVERLAP, Directory, Issuer, Key, KeyFields

KeyText = Annotated[str, Meta(min_length=16, max_length=16)]
"""The id of a key."""


_RATE: Final = "^([1-9][0-9]{0,5}( per |/)([1-9][0-9]? )?(second|minute|hour|day)s?)?$"
RateText = Annotated[str, Meta(max_length=64, extra_json_schema={"pattern": _RATE})]
"""A rate, or nothing."""


@frozen(kw_only=True)
class KeyChanges:
    """
    What is said of a key; what is left out stays as it is.

    :ivar roles: On folders, instead of all that its holder may.
    :ivar rate: How often it may be used, such as `100/minute`; empty for as often as anybody.
    :ivar expires_at: From when on it is no good any more; empty for never.
    """

    label: DisplayText | None = None
    roles: Annotated[tuple[RoleOnPath, ...], Meta(max_length=MAX_KEY_GRANTS)] | None = None
    scopes: ScopeTexts | None = None
    rate: RateText | None = None
    expires_at: ExpiryText | None = None

    def read(self) -> KeyFields:
        """It as the use-cases take it."""
        return KeyFields(
            label=self.label,
            roles=None if self.roles is None else [(each.path, each.role) for each in self.roles],
            scopes=self.scopes,
            rate=self.rate,
            expires_at=read_expiry(self.expires_at),
        )


@frozen(kw_only=True)
class NewKey(KeyChanges):
    """
    A key.

    :ivar user: For whom it is, by who manages the accounts; without user and program, it is for oneself.
    :ivar program: A program for which it is, by who manages the accounts.
    """

    user: NameText | None = None
    program: NameText | None = None


@frozen(kw_only=True)
class KeyQuery(ListQuery):
    """Which keys to list."""

    user: Annotated[NameText | None, Meta(description="Only those of this user.")] = None
    made_by: Annotated[
        KeyText | None, Meta(description="Only those that were made by the key of this id, or by others that were.")
    ] = None


@frozen(kw_only=True)
class RevocationQuery:
    """What ends with a key."""

    descendants: Annotated[
        bool, Meta(description="Whether those end too that were made by it, or by others that were.")
    ] = True


@frozen(kw_only=True)
class Rotation:
    """
    How the former key ends.

    :ivar overlap_seconds: For how long both are good.
    """

    overlap_seconds: Annotated[int, Meta(ge=0, le=MAX_OVERLAP)] = 3600


@frozen(kw_only=True)
class KeyRoutes:
    """``/keys`` and ``/keys/{id}``: one's own, and everybody's for who manages the accounts."""

    app: ClassVar[Klein] = Klein()
    issuer: Issuer
    directory: Directory

    @route(app, "GET", "/keys", errors={404: NO_USER, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(KeyQuery)
    async def list_keys(self, request: Request, query: KeyQuery) -> KeyPage:
        """List keys by their ids, without their secrets."""
        found = await self.issuer.list_keys(
            request.actor, query.limit + 1, after=query.cursor, user=query.user, made_by=query.made_by
        )
        keys = found[: query.limit]
        paths = await Paths.find(self.directory, request.actor, [grant for key in keys for grant in key.grants or ()])
        entries = tuple(KeyEntry.of(key, paths) for key in keys)
        return KeyPage(message="Keys listed.", keys=entries, cursor=keys[-1].id if len(found) > len(keys) else None)

    @route(app, "POST", "/keys", status=201, errors={403: NO_RIGHT, 404: NO_USER, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewKey)
    async def add_key(self, request: Request, query: NoQuery, body: NewKey) -> IssuedMessage:
        """Make a key. It can do nothing that its maker cannot, and its secret is told in this answer alone."""
        issued = await self.issuer.issue(request.actor, body.read(), user=body.user, program=body.program)
        request.target_id = str(issued.key.id)
        return IssuedMessage.of(
            "Key made: keep it, it is not shown again.", issued, await self._find(request, issued.key)
        )

    @route(app, "GET", "/keys/<key>", errors={404: NO_KEY, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_key(self, request: Request, key: KeyText, query: NoQuery) -> KeyMessage:
        """Show a key, without its secret."""
        return await self._tell(request, "Key found.", await self.issuer.find_key(request.actor, key))

    @route(app, "PATCH", "/keys/<key>", errors={403: NO_RIGHT, 404: NO_KEY, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(KeyChanges)
    async def patch_key(self, request: Request, key: KeyText, query: NoQuery, body: KeyChanges) -> KeyMessage:
        """Change what a key may do, within what one may do by the key that was shown."""
        changed = await self.issuer.edit_key(request.actor, key, body.read())
        return await self._tell(request, "Key changed.", changed)

    @route(app, "DELETE", "/keys/<key>", errors={404: NO_KEY, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(RevocationQuery)
    @accepts_no_body
    async def revoke_key(self, request: Request, key: KeyText, query: RevocationQuery) -> RevokedMessage:
        """End a key, now and for good, and those that were made by it."""
        revoked = await self.issuer.revoke(request.actor, key, descendants=query.descendants)
        entry = KeyEntry.of(revoked.key, await self._find(request, revoked.key))
        return RevokedMessage(message="Key revoked.", key=entry, others=revoked.others)

    @route(
        app,
        "POST",
        "/keys/<key>/rotate",
        status=201,
        errors={403: NO_RIGHT, 404: NO_KEY, 409: IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(Rotation)
    async def rotate_key(self, request: Request, key: KeyText, query: NoQuery, body: Rotation) -> IssuedMessage:
        """Make a key that may do the same, and end the former one after a while in which both are good."""
        issued = await self.issuer.rotate(request.actor, key, body.overlap_seconds)
        request.target_id = str(issued.key.id)
        return IssuedMessage.of(
            "Key rotated: keep the new one, it is not shown again.", issued, await self._find(request, issued.key)
        )

    async def _find(self, request: Request, key: Key) -> Paths:
        return await Paths.find(self.directory, request.actor, key.grants or ())

    async def _tell(self, request: Request, message: str, key: Key) -> KeyMessage:
        return KeyMessage(message=message, key=KeyEntry.of(key, await self._find(request, key)))
