"""Use-cases of second factors at sign-in: what is to be shown after a password, and whether it is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.bounds import MAX_PENDING_TRIES, PENDING_SECONDS
from cloudsvc.identity.devices import make_device, read_device
from cloudsvc.identity.factor_errors import sign_in_over, wrong_factor
from cloudsvc.identity.factor_store import FactorStore
from cloudsvc.identity.factors import FactorKind, FoundPending, Pending, has_factors, make_pending, read_pending
from cloudsvc.identity.passkey_proof import PasskeyProof
from cloudsvc.identity.passkeys import Party
from cloudsvc.identity.recovery_codes import digest_recovery_code
from cloudsvc.identity.signing_in import Proof
from cloudsvc.identity.totp import find_step
from cloudsvc.identity.users import UserId


class CodeTries(Protocol):
    """A count of tries of codes."""

    async def admit_code(self, name: str, device: str | None) -> None:
        """
        Count a try of a code, before it is looked at. Only who has shown the password gets to try one.

        :param name: whose code is tried.
        :param device: one on which they have signed in before, by which nobody else can try.
        :raises CloudError: there were too many.
        """
        ...


@frozen(kw_only=True)
class Asked:
    """
    What is to be shown besides a password.

    :ivar text: of the sign-in that waits; whoever has it goes on with it, and nobody learns it again.
    :ivar kinds: any of which will do.
    :ivar passkey: what a page hands to the browser, where a passkey will do.
    """

    text: Secret
    kinds: tuple[FactorKind, ...]
    expires_at: Instant
    passkey: Mapping[str, Any] | None = None


@frozen(kw_only=True)
class ShownFactor:
    """
    What somebody shows as a second factor: one of these.

    :ivar passkey: what the browser has answered.
    """

    code: Secret | None = None
    recovery_code: Secret | None = None
    passkey: Mapping[str, Any] | None = field(default=None, repr=False)


@frozen(kw_only=True)
class SecondFactor:
    """
    Second factors at sign-in. Errors are those of :mod:`cloudsvc.identity.factor_errors`.

    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it; where it is not, nobody is let in.
    """

    _store: FactorStore
    _passkeys: PasskeyProof
    _tries: CodeTries
    _now: Callable[[], Instant]
    _is_trusted: Callable[[], bool] = lambda: True

    async def ask(self, proof: Proof, party: Party | None = None) -> Asked | None:
        """
        What somebody is to show besides what they have; ``None`` where that is enough: they have no second factor, or
        have shown something else than a password.

        :param party: this server as they have asked it; ``None`` where it has no passkeys.
        """
        user = proof.user
        if proof.password_set is None or proof.factor is not None or not has_factors(user.factors_set):
            return None
        made, expires_at = make_pending(), self._now() + PENDING_SECONDS * 1_000_000
        pending = Pending(id=made.id, user=user.id, password_set=proof.password_set, expires_at=expires_at)
        await self._store.add_pending(pending, made.digest)
        factors = await self._store.find_factors(user.id)
        usable = [] if party is None else [each for each in factors.passkeys if each.host == party.host]
        kinds = tuple(kind for kind in factors.kinds if usable or kind is not FactorKind.PASSKEY)
        offered = None if party is None or not usable else await self._passkeys.offer(party, usable)
        return Asked(text=made.text, kinds=kinds, expires_at=expires_at, passkey=offered)

    async def prove(
        self, waiting: Secret, shown: ShownFactor, party: Party | None = None, *, device: bytes = b""
    ) -> Proof:
        """
        Who goes on with a sign-in that waits, by a second factor. It ends it, and uses up what was shown.

        :param waiting: the text that :meth:`ask` has given.
        :param party: as :meth:`ask` has it.
        :param device: what the device shows, of a sign-in before.
        :raises CloudError: it does not wait any more, of which nobody is told why; the factor is wrong; or there were
            too many tries.
        """
        found = await self._find(waiting)
        user = found.holder.user
        await self._tries.admit_code(user.name.key, read_device(device, user.id, found.hash))
        kind = await self._check(user.id, shown, party)
        if not await self._store.end_pending(found.pending.id):
            raise sign_in_over()
        made = None if found.hash is None else make_device(user.id, found.hash)
        return Proof(user=user, password_set=found.pending.password_set, factor=kind, device=made)

    async def _find(self, waiting: Secret) -> FoundPending:
        read = read_pending(waiting)
        found = await self._store.try_pending(read.id, read.digest)
        if found is None or found.tries > MAX_PENDING_TRIES or found.pending.expires_at <= self._now():
            raise sign_in_over()
        user = found.holder.user
        is_same = user.password_set == found.pending.password_set and has_factors(user.factors_set)
        if found.is_void or user.is_disabled or not is_same or not self._is_trusted():
            raise sign_in_over()
        return found

    async def _check(self, user: UserId, shown: ShownFactor, party: Party | None) -> FactorKind:
        """
        Use up what was shown; what it was.

        :raises CloudError: ``wrong_factor`` or ``wrong_passkey``, whatever is wrong.
        """
        if shown.passkey is not None and party is not None:
            await self._passkeys.use(shown.passkey, party, user)
            return FactorKind.PASSKEY
        if shown.code is not None and await self._use_code(user, shown.code):
            return FactorKind.TOTP
        code = shown.recovery_code
        if code is not None and await self._store.use_recovery_code(user, digest_recovery_code(code)):
            return FactorKind.RECOVERY_CODE
        raise wrong_factor()

    async def _use_code(self, user: UserId, code: Secret) -> bool:
        totp = (await self._store.find_factors(user)).totp
        if totp is None or not totp.is_confirmed:
            return False
        step = find_step(totp.secret, code, self._now(), totp.last_step)
        return step is not None and await self._store.use_totp(user, step)
