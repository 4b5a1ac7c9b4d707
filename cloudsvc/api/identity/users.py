"""User routes: who one is, and users with their roles."""

from __future__ import annotations

from typing import Annotated, ClassVar

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.identity.descriptions import (
    FAILED,
    IN_THE_WAY,
    LAST,
    NO_RIGHT,
    NO_USER,
    READ,
    TAKEN,
    WRITE,
    DisplayText,
    FolderNumber,
    ListQuery,
    NameText,
    NoQuery,
    PasswordText,
    RoleOnPath,
    ScopeTexts,
)
from cloudsvc.api.identity.roles import Paths
from cloudsvc.api.identity.user_messages import ProfileMessage, SharedMessage, UserEntry, UserMessage, UserPage
from cloudsvc.extend import (
    Klein,
    Message,
    Request,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.identity import MAX_USER_GROUPS, Directory, User, UserFields


@frozen(kw_only=True)
class UserChanges:
    """
    What is said of a user; what is left out stays as it is.

    :ivar quota: Bytes; -1 for none.
    :ivar groups: The names of all groups that they are to be in.
    :ivar password: Empty for none.
    """

    display_name: DisplayText | None = None
    scopes: ScopeTexts | None = None
    quota: Annotated[int, Meta(ge=-1, le=2**62)] | None = None
    groups: Annotated[tuple[NameText, ...], Meta(max_length=MAX_USER_GROUPS)] | None = None
    password: PasswordText | None = field(default=None, repr=False)
    disabled: bool | None = None

    def read(self) -> UserFields:
        """It as the use-cases take it."""
        return UserFields(
            display_name=self.display_name,
            scopes=self.scopes,
            quota=self.quota,
            groups=self.groups,
            password=None if self.password is None else self.password.reveal(),
            disabled=self.disabled,
        )


@frozen(kw_only=True)
class NewUser(UserChanges):
    """
    A user.

    :ivar name: Never changes, and is never given to anybody else.
    """

    name: NameText


@frozen(kw_only=True)
class UserRoutes:
    """``/me``, ``/users``, ``/users/{name}`` and ``/users/{name}/roles``."""

    app: ClassVar[Klein] = Klein()
    directory: Directory

    @route(app, "GET", "/me", errors={503: FAILED})
    @authorized()
    @throttled("api")
    @accepts_query(NoQuery)
    async def me(self, request: Request, query: NoQuery) -> ProfileMessage:
        """Say who one is, and what one may do by the key that was shown."""
        profile = await self.directory.find_profile(request.actor)
        paths = await Paths.find(self.directory, request.actor, request.actor.grants)
        users = () if profile.user is None else (profile.user,)
        return ProfileMessage.of(profile, paths, await self.directory.count_bytes(request.actor, users))

    @route(app, "GET", "/users", errors={403: NO_RIGHT, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(ListQuery)
    async def list_users(self, request: Request, query: ListQuery) -> UserPage:
        """List users by their names, for who manages the accounts."""
        found = await self.directory.list_users(request.actor, query.limit + 1, after=query.cursor or "")
        users = found[: query.limit]
        paths = await Paths.find(self.directory, request.actor, [grant for user in users for grant in user.grants])
        stored = await self.directory.count_bytes(request.actor, users)
        entries = tuple(UserEntry.of(user, paths, stored) for user in users)
        cursor = users[-1].name.key if len(found) > len(users) else None
        return UserPage(message="Users listed.", users=entries, cursor=cursor)

    @route(app, "POST", "/users", status=201, errors={403: NO_RIGHT, 404: NO_USER, 409: TAKEN, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewUser)
    async def add_user(self, request: Request, query: NoQuery, body: NewUser) -> UserMessage:
        """Add a user, for who manages the accounts."""
        return await self._tell(
            request, "User added.", await self.directory.add_user(request.actor, body.name, body.read())
        )

    @route(app, "GET", "/users/<name>", errors={404: NO_USER, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    async def get_user(self, request: Request, name: NameText, query: NoQuery) -> UserMessage:
        """Show a user: anybody for who manages the accounts, oneself for everybody."""
        return await self._tell(request, "User found.", await self.directory.find_user(request.actor, name))

    @route(app, "PATCH", "/users/<name>", errors={403: NO_RIGHT, 404: NO_USER, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(UserChanges)
    async def patch_user(self, request: Request, name: NameText, query: NoQuery, body: UserChanges) -> UserMessage:
        """Change what is said of a user, for who manages the accounts."""
        user = await self.directory.edit_user(request.actor, name, body.read())
        return await self._tell(request, "User changed.", user)

    @route(app, "DELETE", "/users/<name>", errors={403: NO_RIGHT, 404: NO_USER, 409: LAST, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def delete_user(self, request: Request, name: NameText, query: NoQuery) -> Message:
        """Remove a user with all their keys. Their name is never given again."""
        await self.directory.remove_user(request.actor, name)
        return Message(message="User removed.")

    @route(app, "PUT", "/users/<name>/roles", errors={403: NO_RIGHT, 404: NO_USER, 409: IN_THE_WAY, 503: FAILED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(RoleOnPath)
    async def grant_role(self, request: Request, name: NameText, query: NoQuery, body: RoleOnPath) -> SharedMessage:
        """Give a user a role on a folder, for who manages that folder."""
        shared = await self.directory.grant_role(request.actor, name, body.path, body.role)
        return SharedMessage(message="Role given.", name=str(shared.user.name), folder=shared.folder, role=body.role)

    @route(
        app,
        "DELETE",
        "/users/<name>/roles/<int:folder>",
        errors={403: NO_RIGHT, 404: NO_USER, 409: IN_THE_WAY, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def withdraw_role(
        self, request: Request, name: NameText, folder: FolderNumber, query: NoQuery
    ) -> SharedMessage:
        """Take from a user what they have on a folder itself, for who manages that folder."""
        user = await self.directory.withdraw_role(request.actor, name, folder)
        return SharedMessage(message="Role taken.", name=str(user.name), folder=folder, role=None)

    async def _tell(self, request: Request, message: str, user: User) -> UserMessage:
        request.target_id = str(user.name)
        paths = await Paths.find(self.directory, request.actor, user.grants)
        stored = await self.directory.count_bytes(request.actor, (user,))
        return UserMessage(message=message, user=UserEntry.of(user, paths, stored))
