"""The store of users, groups and keys in a database: which statements run in which thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.factors import Factors, FoundPending, Pending, PendingId, Totp
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.passkeys import FoundPasskey, Passkey, PasskeyId
from cloudsvc.identity.revisions import Restriction, Revision, Standing
from cloudsvc.identity.sessions import FoundSession, Session, SessionId
from cloudsvc.identity.store import Login, NewPassword
from cloudsvc.identity.subjects import FoundSubject, Subject, SubjectId
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.storage.database.group_commit import Weight
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.faults import translated
from cloudsvc.storage.identity import (
    factors,
    groups,
    keys,
    owner,
    passkeys,
    revisions,
    sessions,
    subjects,
    users,
    webhooks,
)
from cloudsvc.storage.identity.interchange import replace_all, write_accounts
from cloudsvc.storage.identity.link_steps import LinkSteps
from cloudsvc.storage.identity.steps import Steps
from cloudsvc.webhooks.webhook import Attempt, Progress, Webhook, WebhookId

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class DatabaseIdentity(LinkSteps[C], Steps[C]):
    """A :class:`cloudsvc.identity.store.IdentityStore` in a database. Several processes may have it open."""

    async def find_standing(self) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_standing`."""
        return await self._readers.run(revisions.find_standing)

    async def knows(self, restriction: Restriction) -> bool:
        """As :meth:`cloudsvc.identity.store.IdentityStore.knows`."""
        return await self._readers.run(lambda connection: revisions.knows(connection, restriction))

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.on_change`."""
        return self._signal.add(listener)

    async def void_credentials(self) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.void_credentials`."""
        return await self._change(revisions.void_credentials)

    async def switch_owner(self, *, refused: bool) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.switch_owner`."""
        return await self._change(lambda connection: owner.switch_owner(connection, refused=refused))

    # -- users -----------------------------------------------------------------------------------------------------

    async def add_user(self, user: User, password: Secret | None = None) -> User:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_user`."""
        return await self._change(lambda connection: users.add_user(connection, user, password))

    async def find_user(self, name: AccountName) -> User | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_user`."""
        return await self._readers.run(lambda connection: users.find_user(connection, name))

    async def list_users(self, limit: int, *, after: str = "") -> Sequence[User]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_users`."""
        return await self._readers.run(lambda connection: users.list_users(connection, limit, after), Lane.PAGES)

    async def replace_user(self, user: User, password: NewPassword | None = None) -> User:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_user`."""
        return await self._change(lambda connection: users.replace_user(connection, user, password))

    async def remove_user(self, user: UserId) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_user`."""
        await self._change(lambda connection: users.remove_user(connection, user))

    async def find_login(self, name: AccountName) -> Login | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_login`."""
        return await self._readers.run(lambda connection: users.find_login(connection, name))

    async def find_holder(self, user: UserId) -> Holder | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_holder`."""
        return await self._readers.run(lambda connection: users.find_holder(connection, user))

    # -- groups ----------------------------------------------------------------------------------------------------

    async def add_group(self, group: Group) -> Group:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_group`."""
        return await self._change(lambda connection: groups.add_group(connection, group))

    async def find_group(self, name: AccountName) -> Group | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_group`."""
        return await self._readers.run(lambda connection: groups.find_group(connection, name))

    async def find_groups(self, ids: Sequence[GroupId]) -> Mapping[GroupId, Group]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_groups`."""
        return await self._readers.run(lambda connection: groups.find_groups(connection, ids), Lane.PAGES)

    async def list_groups(self, limit: int, *, after: str = "") -> Sequence[Group]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_groups`."""
        return await self._readers.run(lambda connection: groups.list_groups(connection, limit, after), Lane.PAGES)

    async def replace_group(self, group: Group) -> Group:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_group`."""
        return await self._change(lambda connection: groups.replace_group(connection, group))

    async def remove_group(self, group: GroupId) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_group`."""
        await self._change(lambda connection: groups.remove_group(connection, group))

    # -- keys ------------------------------------------------------------------------------------------------------

    async def add_key(self, key: Key, digest: bytes) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_key`."""
        return await self._change(lambda connection: keys.add_key(connection, key, digest))

    async def find_key(self, key: KeyId) -> FoundKey | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_key`."""
        return await self._readers.run(lambda connection: keys.find_key(connection, key))

    async def find_keys(self, keys_: Collection[KeyId]) -> Mapping[KeyId, FoundKey]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_keys`."""
        return await self._readers.run(lambda connection: keys.find_keys(connection, keys_), Lane.PAGES)

    async def list_keys(
        self, limit: int, *, after: KeyId | None = None, holder: UserId | None = None, made_by: KeyId | None = None
    ) -> Sequence[Key]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_keys`."""
        return await self._readers.run(
            lambda connection: keys.list_keys(connection, limit, after, holder, made_by), Lane.PAGES
        )

    async def replace_key(self, key: Key) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_key`."""
        return await self._change(lambda connection: keys.replace_key(connection, key))

    async def revoke_keys(self, key: KeyId, moment: Instant, *, descendants: bool) -> int:
        """As :meth:`cloudsvc.identity.store.IdentityStore.revoke_keys`."""
        return await self._change(lambda connection: keys.revoke_keys(connection, key, moment, descendants=descendants))

    async def rotate_key(self, former: Key, key: Key, digest: bytes) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.rotate_key`."""
        return await self._change(lambda connection: keys.rotate_key(connection, former, key, digest))

    async def note_uses(self, uses: Mapping[KeyId, Instant]) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.note_uses`."""
        await self._writer.run(lambda connection: keys.note_uses(connection, uses))

    async def remove_ended_keys(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_ended_keys`."""
        return await self._change(lambda connection: keys.remove_ended_keys(connection, before, limit))

    # -- subjects --------------------------------------------------------------------------------------------------

    async def add_subject(self, subject: Subject) -> Subject:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_subject`."""
        return await self._change(lambda connection: subjects.add_subject(connection, subject))

    async def add_user_of(self, user: User, subject: Subject) -> User:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.add_user_of`."""
        return await self._change(lambda connection: subjects.add_user_of(connection, user, subject))

    async def find_subject(self, issuer: str, name: str) -> FoundSubject | None:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.find_subject`."""
        return await self._readers.run(lambda connection: subjects.find_subject(connection, issuer, name))

    async def list_subjects(self, user: UserId) -> Sequence[Subject]:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.list_subjects`."""
        return await self._readers.run(lambda connection: subjects.list_subjects(connection, user), Lane.PAGES)

    async def remove_subject(self, user: UserId, subject: SubjectId) -> None:
        """As :meth:`cloudsvc.identity.subject_store.SubjectStore.remove_subject`."""
        await self._change(lambda connection: subjects.remove_subject(connection, user, subject))

    # -- sessions --------------------------------------------------------------------------------------------------

    async def add_session(
        self,
        session: Session,
        digest: bytes,
        *,
        password_set: Revision | None = None,
        factors_set: Revision | None = None,
    ) -> Session:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.add_session`."""
        return await self._change(
            lambda connection: sessions.add_session(connection, session, digest, password_set, factors_set)
        )

    async def find_session(self, session: SessionId) -> FoundSession | None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.find_session`."""
        return await self._readers.run(lambda connection: sessions.find_session(connection, session))

    async def find_sessions(self, sessions_: Collection[SessionId]) -> Mapping[SessionId, FoundSession]:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.find_sessions`."""
        return await self._readers.run(lambda connection: sessions.find_sessions(connection, sessions_), Lane.PAGES)

    async def list_sessions(self, user: UserId) -> Sequence[Session]:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.list_sessions`."""
        return await self._readers.run(lambda connection: sessions.list_sessions(connection, user), Lane.PAGES)

    async def end_session(self, user: UserId, session: SessionId) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.end_session`."""
        await self._change(lambda connection: sessions.end_session(connection, user, session))

    async def end_sessions(self, user: UserId, *, keeps: SessionId | None = None) -> int:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.end_sessions`."""
        return await self._change(lambda connection: sessions.end_sessions(connection, user, keeps))

    async def note_seen(self, seen: Mapping[SessionId, Instant]) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.note_seen`."""
        await self._writer.run(lambda connection: sessions.note_seen(connection, seen))

    async def remove_expired_sessions(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.remove_expired_sessions`."""
        return await self._change(lambda connection: sessions.remove_expired_sessions(connection, before, limit))

    async def renew_hash(self, user: UserId, former: Secret, renewed: Secret) -> None:
        """As :meth:`cloudsvc.identity.session_store.SessionStore.renew_hash`."""
        await self._writer.run(lambda connection: sessions.renew_hash(connection, user, former, renewed))

    # -- webhooks --------------------------------------------------------------------------------------------------

    async def add_webhook(self, webhook: Webhook) -> Webhook:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.add_webhook`."""
        return await self._change(lambda connection: webhooks.add_webhook(connection, webhook))

    async def find_webhook(self, webhook: WebhookId) -> Webhook | None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.find_webhook`."""
        return await self._readers.run(lambda connection: webhooks.find_webhook(connection, webhook))

    async def list_webhooks(
        self, limit: int, *, after: WebhookId | None = None, maker: str | None = None
    ) -> Sequence[Webhook]:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_webhooks`."""
        return await self._readers.run(
            lambda connection: webhooks.list_webhooks(connection, limit, after, maker), Lane.PAGES
        )

    async def replace_webhook(self, webhook: Webhook, *, begins_again: bool = False) -> Webhook:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.replace_webhook`."""
        return await self._change(
            lambda connection: webhooks.replace_webhook(connection, webhook, begins_again=begins_again)
        )

    async def remove_webhook(self, webhook: WebhookId) -> None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_webhook`."""
        await self._change(lambda connection: webhooks.remove_webhook(connection, webhook))

    async def remove_orphaned_webhooks(self, limit: int) -> int:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.remove_orphaned_webhooks`."""
        return await self._change(lambda connection: webhooks.remove_orphaned_webhooks(connection, limit))

    async def note_progress(
        self, webhook: WebhookId, former: Progress, progress: Progress, attempt: Attempt | None = None
    ) -> bool:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_progress`."""
        return await self._writer.run(
            lambda connection: webhooks.note_progress(connection, webhook, former, progress, attempt)
        )

    async def note_attempt(self, webhook: WebhookId, attempt: Attempt) -> None:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.note_attempt`."""
        await self._writer.run(lambda connection: webhooks.note_attempt(connection, webhook, attempt))

    async def list_attempts(self, webhook: WebhookId) -> Sequence[Attempt]:
        """As :meth:`cloudsvc.webhooks.store.WebhookStore.list_attempts`."""
        return await self._readers.run(lambda connection: webhooks.list_attempts(connection, webhook), Lane.PAGES)

    # -- passkeys --------------------------------------------------------------------------------------------------

    async def find_seal(self) -> bytes:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_seal`."""
        return await self._readers.run(passkeys.find_seal)

    async def add_passkey(
        self,
        passkey: Passkey,
        challenge: Challenge,
        codes: Sequence[bytes] = (),
        *,
        keeps: SessionId | None = None,
    ) -> Passkey:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.add_passkey`."""
        return await self._change(
            lambda connection: passkeys.add_passkey(connection, passkey, challenge, codes, keeps=keeps)
        )

    async def find_passkey(self, credential: bytes) -> FoundPasskey | None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_passkey`."""
        return await self._readers.run(lambda connection: passkeys.find_passkey(connection, credential))

    async def use_passkey(self, passkey: Passkey, sign_count: int, moment: Instant, challenge: Challenge) -> bool:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.use_passkey`."""
        return await self._writer.run(
            lambda connection: passkeys.use_passkey(connection, passkey, sign_count, moment, challenge)
        )

    async def rename_passkey(self, user: UserId, passkey: PasskeyId, label: str) -> None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.rename_passkey`."""
        await self._writer.run(lambda connection: passkeys.rename_passkey(connection, user, passkey, label))

    async def remove_passkey(self, user: UserId, passkey: PasskeyId, *, keeps: SessionId | None = None) -> None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_passkey`."""
        await self._change(lambda connection: passkeys.remove_passkey(connection, user, passkey, keeps))

    async def remove_expired_challenges(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_expired_challenges`."""
        return await self._writer.run(lambda connection: passkeys.remove_expired_challenges(connection, before, limit))

    # -- second factors --------------------------------------------------------------------------------------------

    async def find_factors(self, user: UserId) -> Factors:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.find_factors`."""
        return await self._readers.run(lambda connection: factors.find_factors(connection, user))

    async def propose_totp(self, user: UserId, totp: Totp) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.propose_totp`."""
        await self._writer.run(lambda connection: factors.propose_totp(connection, user, totp))

    async def confirm_totp(
        self, user: UserId, secret: Secret, step: int, codes: Sequence[bytes], *, keeps: SessionId | None = None
    ) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.confirm_totp`."""
        await self._change(lambda connection: factors.confirm_totp(connection, user, secret, step, codes, keeps=keeps))

    async def remove_totp(self, user: UserId, *, keeps: SessionId | None = None) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_totp`."""
        await self._change(lambda connection: factors.remove_totp(connection, user, keeps))

    async def reset_factors(self, user: UserId) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.reset_factors`."""
        return await self._change(lambda connection: factors.reset_factors(connection, user))

    async def use_totp(self, user: UserId, step: int) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_totp`."""
        return await self._writer.run(lambda connection: factors.use_totp(connection, user, step))

    async def replace_recovery_codes(self, user: UserId, codes: Sequence[bytes]) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.replace_recovery_codes`."""
        await self._change(lambda connection: factors.replace_recovery_codes(connection, user, codes))

    async def use_recovery_code(self, user: UserId, code: bytes) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_recovery_code`."""
        return await self._change(lambda connection: factors.use_recovery_code(connection, user, code))

    async def add_pending(self, pending: Pending, digest: bytes) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.add_pending`."""
        await self._writer.run(lambda connection: factors.add_pending(connection, pending, digest))

    async def try_pending(self, pending: PendingId, digest: bytes) -> FoundPending | None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.try_pending`."""
        return await self._writer.run(lambda connection: factors.try_pending(connection, pending, digest))

    async def end_pending(self, pending: PendingId) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.end_pending`."""
        return await self._writer.run(lambda connection: factors.end_pending(connection, pending))

    async def remove_expired_pending(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_expired_pending`."""
        return await self._writer.run(lambda connection: factors.remove_expired_pending(connection, before, limit))

    # -- all of them -----------------------------------------------------------------------------------------------

    async def copy(self, destination: Path) -> None:
        """
        Write all accounts, as they are at one moment, to a new SQLite file, durably.

        :raises CloudError: it is there already, or cannot be written; or the database fails.
        """
        with translated():
            await self._readers.run(lambda connection: write_accounts(connection, destination), Lane.COPIES)

    async def replace(self, source: Path, *, ends_credentials: bool) -> Standing:
        """
        Hold the accounts of a file that :func:`cloudsvc.storage.identity.interchange.examine` has passed, in place of
        all that there are: one restricting change.

        :param ends_credentials: whether no key and no password is any good from now on: some may have been revoked
            since the file was written.
        """
        return await self._change(
            lambda connection: replace_all(connection, source, ends_credentials=ends_credentials), Weight.UPKEEP
        )
