"""Bodies and response messages of the routes of second factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from attrs import field, frozen
from msgspec import Meta

from cloudsvc.api.identity.descriptions import DisplayText
from cloudsvc.api.moments import Moment, format_moment
from cloudsvc.extend import Message, Secret
from cloudsvc.extend.drive import format_instant
from cloudsvc.extend.identity import AddedPasskey, Asked, FactorKind, Factors, Passkey

CodeText = Annotated[Secret, Meta(extra_json_schema={"pattern": "^[0-9 ]{6,16}$"})]
"""Six digits, as an authenticator shows them."""

RecoveryCodeText = Annotated[Secret, Meta(extra_json_schema={"pattern": "^[0-9A-Za-z -]{16,64}$"})]
"""A recovery code."""

CredentialObject = Mapping[str, Any]
"""`PublicKeyCredential.toJSON()`, as browsers make it."""

OptionsObject = Mapping[str, Any]
"""Options for `navigator.credentials`, as its `parse…FromJSON` takes them."""

PendingText = Annotated[Secret, Meta(extra_json_schema={"pattern": "^csp_[0-9a-f]{88}$"})]
"""A sign-in that waits."""


@frozen(kw_only=True)
class ShownCode:
    """
    A code of the authenticator.

    :ivar code: Six digits.
    """

    code: CodeText = field(repr=False)


@frozen(kw_only=True)
class Continuation:
    """
    A sign-in that goes on with a second factor: with one of the three.

    :ivar pending: What the sign-in has answered.
    :ivar code: Of the authenticator.
    :ivar passkey: What the browser has answered, as its `toJSON` gives it.
    :ivar recovery_code: One of those that were told when the authenticator was set up.
    :ivar label: For people, such as the name of the browser.
    """

    pending: PendingText = field(repr=False)
    code: CodeText | None = field(default=None, repr=False)
    recovery_code: RecoveryCodeText | None = field(default=None, repr=False)
    passkey: CredentialObject | None = field(default=None, repr=False)
    label: DisplayText = ""


@frozen(kw_only=True)
class PendingMessage(Message):
    """
    A password that is right, and not enough: a refusal that says how to go on.

    :ivar error: Stable and machine-readable, as in all refusals.
    :ivar request_id: The same identifier stands in the server's log.
    :ivar pending: With what the sign-in goes on, some minutes long.
    :ivar factors: Any of which is to be shown besides.
    :ivar passkey: Options for `navigator.credentials.get`, where a passkey will do; otherwise `null`.
    :ivar expires_at: From when on it has to begin again.
    """

    error: str
    request_id: str
    pending: str = field(repr=False)
    factors: tuple[FactorKind, ...]
    passkey: OptionsObject | None
    expires_at: Moment

    @classmethod
    def of(cls, asked: Asked, request_id: str) -> PendingMessage:
        """What ``asked`` says to whoever has shown the password."""
        return cls(
            message="The password is right, and not enough: show a second factor too.",
            error="second_factor_required",
            request_id=request_id,
            pending=asked.text.reveal(),
            factors=asked.kinds,
            passkey=asked.passkey,
            expires_at=format_instant(asked.expires_at),
        )


@frozen(kw_only=True)
class TotpEntry:
    """
    An authenticator that makes codes.

    :ivar confirmed: Whether a code of it was shown, so that it counts.
    """

    confirmed: bool
    created_at: Moment


@frozen(kw_only=True)
class PasskeyEntry:
    """
    A passkey.

    :ivar host: The name of this server for which it was made.
    :ivar synced: Whether it is kept in more places than one device.
    :ivar used_at: `null` for never.
    """

    id: str
    label: str
    host: str
    synced: bool
    created_at: Moment
    used_at: Moment | None

    @classmethod
    def of(cls, passkey: Passkey) -> PasskeyEntry:
        """``passkey`` as its user sees it."""
        return cls(
            id=passkey.id,
            label=passkey.label,
            host=passkey.host,
            synced=passkey.is_synced,
            created_at=format_instant(passkey.created_at),
            used_at=format_moment(passkey.used_at),
        )


@frozen(kw_only=True)
class ShownPasskey:
    """
    A passkey.

    :ivar passkey: What the browser has answered, as its `toJSON` gives it.
    :ivar label: For people: of the passkey where it is new, of the session where it signs in.
    """

    passkey: CredentialObject = field(repr=False)
    label: DisplayText = ""


@frozen(kw_only=True)
class PasskeyLabel:
    """Another label of a passkey."""

    label: DisplayText


@frozen(kw_only=True)
class OptionsMessage(Message):
    """
    What a page hands to the browser.

    :ivar options: For `navigator.credentials`.
    """

    options: OptionsObject


@frozen(kw_only=True)
class PasskeyMessage(Message):
    """
    A passkey that was added.

    :ivar recovery_codes: New ones, where it is the first factor. They are told once: the server keeps but hashes.
    """

    passkey: PasskeyEntry
    recovery_codes: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, added: AddedPasskey) -> PasskeyMessage:
        """``added`` for whose it is."""
        return cls(
            message="Passkey added; other sessions have ended.",
            passkey=PasskeyEntry.of(added.passkey),
            recovery_codes=tuple(each.reveal() for each in added.recovery_codes),
        )


@frozen(kw_only=True)
class FactorsMessage(Message):
    """
    One's second factors.

    :ivar totp: `null` where there is no authenticator.
    :ivar recovery_codes: How many are left.
    """

    totp: TotpEntry | None
    recovery_codes: int
    passkeys: tuple[PasskeyEntry, ...]

    @classmethod
    def of(cls, factors: Factors) -> FactorsMessage:
        """``factors`` as their user sees them."""
        totp = factors.totp
        entry = None
        if totp is not None:
            entry = TotpEntry(confirmed=totp.is_confirmed, created_at=format_instant(totp.created_at))
        return cls(
            message="Second factors listed.",
            totp=entry,
            recovery_codes=factors.recovery_codes,
            passkeys=tuple(map(PasskeyEntry.of, factors.passkeys)),
        )


@frozen(kw_only=True)
class TotpMessage(Message):
    """
    A secret for an authenticator. It is told once.

    :ivar secret: In Base32, to be typed.
    :ivar uri: The same to be read from a QR code.
    """

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@frozen(kw_only=True)
class RecoveryCodesMessage(Message):
    """
    Recovery codes, each good for one sign-in. They are told once: the server keeps but hashes.
    """

    recovery_codes: tuple[str, ...] = field(repr=False)

    @classmethod
    def of(cls, message: str, codes: tuple[Secret, ...]) -> RecoveryCodesMessage:
        """``codes`` for whose they are."""
        return cls(message=message, recovery_codes=tuple(each.reveal() for each in codes))
