"""Relying parties: sign-ins by providers, from the way there to what the provider says (code flow, PKCE)."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from attrs import define
from twisted.logger import Logger, LogLevel

from cloudsvc.access.openid.errors import (
    assertion_wrong,
    attempt_unknown,
    sign_in_refused,
)
from cloudsvc.access.openid.fetching import Fetcher
from cloudsvc.access.openid.metadata import Metadata
from cloudsvc.access.openid.parties import Answer, Client, Departure
from cloudsvc.access.openid.published import Published
from cloudsvc.access.openid.state import Attempt, Linking, Seal, challenge, make_attempt
from cloudsvc.access.openid.tokens import Expectation, KeyUnknown, TokenFault, verify_token
from cloudsvc.core.clock import WallClock
from cloudsvc.core.errors import CloudError

_log = Logger("cloudsvc.openid")

_OK: Final = 200


@define(eq=False, kw_only=True)
class RelyingParty:
    """
    A :class:`~cloudsvc.access.openid.parties.Party`.

    :param seal: of attempts.
    :param published: what the provider has published.
    :param now: the wall clock.
    """

    client: Client
    _seal: Seal
    _fetcher: Fetcher
    _published: Published
    _now: WallClock

    @property
    def is_failing(self) -> bool:
        """See :class:`~cloudsvc.access.openid.parties.Party`."""
        return self._published.is_failing

    async def begin(self, path: str = "", linking: Linking | None = None) -> Departure:
        """See :class:`~cloudsvc.access.openid.parties.Party`."""
        attempt = make_attempt(self.client.provider, path, self._now(), linking)
        metadata = await self._published.find_metadata()
        asked = {
            "response_type": "code",
            "client_id": self.client.id,
            "redirect_uri": self.client.redirect_uri,
            "scope": " ".join(self.client.scopes),
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge(attempt.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        url = f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"
        return Departure(url=url, cookie=self._seal.close(attempt))

    def find_attempt(self, cookie: bytes, state: str) -> Attempt:
        """See :class:`~cloudsvc.access.openid.parties.Party`."""
        attempt = self._seal.open(cookie, self._now())
        if attempt is None or attempt.provider != self.client.provider:
            raise attempt_unknown()
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise attempt_unknown()
        return attempt

    async def redeem(self, attempt: Attempt, answer: Answer) -> Mapping[str, Any]:
        """See :class:`~cloudsvc.access.openid.parties.Party`."""
        metadata = await self._published.find_metadata()
        if answer.issuer is not None or metadata.names_itself:
            # Or else the answer of one provider would be taken to another one, with its code (RFC 9207).
            self._expect(answer.issuer == metadata.issuer, "the answer is of another issuer")
        if answer.error is not None or answer.code is None:
            self._warn("it has refused a sign-in: {reason}", _shorten(answer.error or "without a code"))
            raise sign_in_refused()
        tokens = await self._exchange(metadata, answer.code, attempt)
        token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(token, str):
            raise self._doubt("there is no ID token")
        expected = Expectation(
            issuer=metadata.issuer,
            client=self.client.id,
            nonce=attempt.nonce,
            algorithms=metadata.algorithms,
            access_token=access_token if isinstance(access_token, str) else None,
        )
        claims = await self._verify(token, expected)
        return await self._complete(claims, metadata, expected.access_token)

    # --------------------------------------------------------------------------------------------------------------

    async def _exchange(self, metadata: Metadata, code: str, attempt: Attempt) -> Mapping[str, Any]:
        """The tokens for a code (RFC 6749 section 4.1.3)."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.client.redirect_uri,
            "code_verifier": attempt.verifier,
        }
        secret, headers = self.client.secret.reveal(), {}
        if metadata.posts_secret:
            form |= {"client_id": self.client.id, "client_secret": secret}
        else:
            pair = f"{quote(self.client.id, safe='')}:{quote(secret, safe='')}"
            headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
        found = await self._fetcher.post(metadata.token_endpoint, form, headers=headers)
        if found.status != _OK:
            error = found.content.get("error")
            raise self._doubt(f"the code was not taken: {found.status} {_shorten(error)}")
        return found.content

    async def _verify(self, token: str, expected: Expectation) -> Mapping[str, Any]:
        keys = await self._published.find_keys()
        try:
            try:
                return verify_token(token, keys, expected, self._now())
            except KeyUnknown:
                keys = await self._published.find_newer_keys()
                return verify_token(token, keys, expected, self._now())
        except TokenFault as problem:
            raise self._doubt(str(problem)) from None

    async def _complete(
        self, claims: Mapping[str, Any], metadata: Metadata, access_token: str | None
    ) -> Mapping[str, Any]:
        """The claims, with those that the provider tells of at its userinfo endpoint alone (section 5.3)."""
        lacks = any(name not in claims for name in self.client.wanted)
        if not lacks or metadata.userinfo_endpoint is None or access_token is None:
            return claims
        headers = {"Authorization": f"Bearer {access_token}"}
        if not access_token.isascii() or not access_token.isprintable():
            raise self._doubt("the access token is none")
        found = await self._fetcher.get(metadata.userinfo_endpoint, headers=headers)
        # Or else a token that was swapped would tell of somebody else (section 5.3.2).
        self._expect(found.status == _OK and found.content.get("sub") == claims["sub"], "userinfo is of somebody else")
        return {**found.content, **claims}

    def _expect(self, is_so: bool, otherwise: str) -> None:  # noqa: FBT001  # it is what it says
        if not is_so:
            raise self._doubt(otherwise)

    def _doubt(self, reason: str) -> CloudError:
        self._warn("a sign-in is not believed: {reason}", reason)
        return assertion_wrong()

    def _warn(self, text: str, reason: str) -> None:
        _log.emit(LogLevel.warn, "identity provider {name}: " + text, name=self.client.provider, reason=reason)


def _shorten(text: object) -> str:
    """What a provider says, as a word for the log: errors are such words (RFC 6749 section 5.2)."""
    word = text if isinstance(text, str) else ""
    return "".join(each for each in word[:64] if each.isascii() and (each.isalnum() or each in "_-. ")) or "-"
