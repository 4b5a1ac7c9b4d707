"""Identity providers of a server, as the configuration names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from cloudsvc.access.openid.limits import SignInLimits
from cloudsvc.access.openid.parties import Client, Party, RelyingParties
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.core.clock import WallClock
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.extend import Check, Finding
from cloudsvc.identity.settings import OpenIDProviderSettings, OpenIDSettings
from cloudsvc.outbound.lookups import LOOKUP_THREADS, Lookups
from cloudsvc.settings.secret_files import read_secret_file

_LEAST_SECRET: Final = 16
"""Characters of a client secret."""


def make_parties(
    settings: OpenIDSettings,
    root: Path,
    *,
    reactor: IReactor,
    now: WallClock,
    counter: Counter,
    make_threads: Callable[[int], ThreadRunner],
) -> RelyingParties:
    """
    Those that are configured. None of them is asked anything yet: one that is away keeps no server from starting.

    :param root: what relative paths of files are relative to.
    :param make_threads: gives threads, in which providers are looked up where there are any.
    :raises OperatorError: a file cannot be used.
    """
    parties: dict[str, Party] = {}
    faults: list[str] = []
    lookups = Lookups(threads=make_threads(LOOKUP_THREADS), clock=reactor) if settings.providers else None
    for number, each in enumerate(settings.providers):
        try:
            parties[each.name] = _make_party(
                each, settings.public_url or "", root, reactor=reactor, now=now, lookups=lookups
            )
        except (OSError, ValueError) as problem:
            faults.append(f"config.identity.oidc.providers[{number}]: {problem}")
    if faults:
        raise OperatorError(faults)
    return RelyingParties(parties=parties, limits=SignInLimits(counter))


def check_providers(parties: RelyingParties) -> Check:
    """The health check: whether those can be asked by which users sign in."""

    async def look() -> Finding:
        silent = [each.client.provider for each in parties.list_parties() if not await _answers(each)]
        if silent:
            return Finding(ok=False, message=f"Nobody can sign in by {', '.join(silent)}, and the log says why.")
        return Finding(ok=True, message="The identity providers answer.")

    return Check(name="identity_providers", vital=False, run=look)


async def _answers(party: Party) -> bool:
    try:
        await party.begin()
    except CloudError:
        return False
    return not party.is_failing


def _make_party(
    settings: OpenIDProviderSettings, public_url: str, root: Path, *, reactor: IReactor, now: WallClock, lookups: Any
) -> Party:
    # Whoever signs in by passwords alone need not wait for these.
    from cloudsvc.access.openid.fetching import HTTPSFetcher  # noqa: PLC0415  # as said
    from cloudsvc.access.openid.published import Published  # noqa: PLC0415  # as said
    from cloudsvc.access.openid.relying_party import RelyingParty  # noqa: PLC0415  # as said
    from cloudsvc.access.openid.state import Seal  # noqa: PLC0415  # as said
    from cloudsvc.outbound.trust import read_trust  # noqa: PLC0415  # as said

    secret = Secret(read_secret_file(str(root / settings.client_secret_file)))
    if len(secret.reveal()) < _LEAST_SECRET:
        raise ValueError(
            f"client_secret_file: the secret has fewer than {_LEAST_SECRET} characters; let the provider make another"
        )
    ca_file = None if settings.ca_file is None else root / settings.ca_file
    fetcher = HTTPSFetcher(reactor=reactor, name=settings.name, trust=read_trust(ca_file), resolver=lookups)
    return RelyingParty(
        client=Client(
            provider=settings.name,
            title=settings.title or settings.name,
            issuer=settings.issuer,
            id=settings.client_id,
            secret=secret,
            redirect_uri=f"{public_url}/api/sessions/oidc/{settings.name}/callback",
            scopes=settings.scopes,
            wanted=settings.policy.list_claims(),
        ),
        seal=Seal.of(secret, f"{settings.issuer} {settings.client_id}"),
        fetcher=fetcher,
        published=Published(name=settings.name, issuer=settings.issuer, fetcher=fetcher, monotonic=reactor.seconds),
        now=now,
    )
