"""Errors of second factors: each code is stable, and each message says what to do."""

from __future__ import annotations

from cloudsvc.core.errors import CloudError, Kind


def second_factor_required() -> CloudError:
    """A password alone lets nobody in who has a second factor."""
    message = "The password is right, and is not enough: show a second factor too."
    return CloudError(Kind.FORBIDDEN, "second_factor_required", message)


def wrong_factor() -> CloudError:
    """What was shown as a second factor is none, or was shown before."""
    message = "The code is wrong, or was used before; wait for the next one, or use a recovery code."
    return CloudError(Kind.FORBIDDEN, "wrong_factor", message)


def sign_in_over() -> CloudError:
    """A sign-in does not wait any more, and nobody is told why."""
    message = "This sign-in does not wait any more; begin again with the name and the password."
    return CloudError(Kind.FORBIDDEN, "sign_in_over", message)


def recent_sign_in_required(minutes: int) -> CloudError:
    """Somebody would change their factors by a key, or long after they have shown who they are."""
    message = f"Sign in again, not by a key, and change it within {minutes} minutes."
    return CloudError(Kind.FORBIDDEN, "recent_sign_in_required", message)


def totp_exists() -> CloudError:
    """Somebody has an authenticator already."""
    message = "There is an authenticator already; remove it before you set up another one."
    return CloudError(Kind.CONFLICT, "totp_exists", message)


def factor_not_found() -> CloudError:
    """Somebody has no such factor."""
    return CloudError(Kind.NOT_FOUND, "factor_not_found", "There is no such factor.")


def own_factors() -> CloudError:
    """A manager would take all their own factors away at once."""
    message = "Remove your own factors one by one, or have another manager or `cloudsvc user reset-factors` do it."
    return CloudError(Kind.FORBIDDEN, "own_factors", message)


def wrong_passkey() -> CloudError:
    """What was shown as a passkey is none of this server, or not signed for it now; nobody is told why."""
    message = "This is no passkey that is good here; ask for new options and try again, or sign in another way."
    return CloudError(Kind.FORBIDDEN, "wrong_passkey", message)


def passkey_copied() -> CloudError:
    """A passkey has counted fewer signatures than before."""
    message = "This passkey has counted less than before, as a copy would; sign in another way, and remove it."
    return CloudError(Kind.FORBIDDEN, "passkey_copied", message)


def passkey_exists() -> CloudError:
    """A passkey is known already."""
    return CloudError(Kind.CONFLICT, "passkey_exists", "This passkey is known already; use it, or make another one.")


def no_passkeys_here() -> CloudError:
    """The server was asked by a name that is not its own."""
    message = (
        "Passkeys are for the names of this server, which are those of its certificate (certificate.names): open it by"
        " one of them, that is no address."
    )
    return CloudError(Kind.FORBIDDEN, "no_passkeys_here", message)
