"""Publications of a provider: its metadata and keys, kept for a while, and asked for no more often than needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.logger import Logger, LogLevel

from cloudsvc.access.openid.errors import PROVIDER_BUSY, provider_unavailable
from cloudsvc.access.openid.fetching import Fetched, Fetcher
from cloudsvc.access.openid.keys import ProviderKeys
from cloudsvc.access.openid.metadata import WELL_KNOWN, Metadata, read_metadata
from cloudsvc.core.errors import CloudError
from cloudsvc.core.joint_work import JointWork

_log = Logger("cloudsvc.openid")

KEPT_SECONDS: Final = 3600.0
"""For how long it is believed that what was published still holds."""

RETRY_SECONDS: Final = 10.0
"""After an answer that was none, strangers cause no other question for so long."""

NEWER_SECONDS: Final = 30.0
"""Between two questions for newer keys, which a token causes that names a key of anybody's choice."""

_OK: Final = 200


@define(eq=False, kw_only=True)
class Published:
    """
    One document and one set of keys, however many sign in.

    :param monotonic: seconds of a clock that is never set.
    """

    _name: str
    _issuer: str
    _fetcher: Fetcher
    _monotonic: Callable[[], float]
    _work: JointWork = field(init=False, factory=JointWork)
    _metadata: Metadata | None = field(init=False, default=None)
    _keys: ProviderKeys | None = field(init=False, default=None)
    _metadata_at: float = field(init=False, default=0.0)
    _keys_at: float = field(init=False, default=0.0)
    _failed_at: float | None = field(init=False, default=None)

    @property
    def is_failing(self) -> bool:
        """Whether the provider has not answered as it should when it was last asked for what it has published."""
        return self._failed_at is not None

    async def find_metadata(self) -> Metadata:
        """
        The metadata.

        :raises CloudError: the provider does not answer, or makes no sense.
        """
        kept = self._metadata
        if kept is not None and self._monotonic() < self._metadata_at + KEPT_SECONDS:
            return kept
        return await self._work.do("metadata", self._ask_metadata)

    async def find_keys(self) -> ProviderKeys:
        """The keys; for errors see :meth:`find_metadata`."""
        kept = self._keys
        if kept is not None and self._monotonic() < self._keys_at + KEPT_SECONDS:
            return kept
        return await self._work.do("keys", self._ask_keys)

    async def find_newer_keys(self) -> ProviderKeys:
        """The keys as they are now, or as they were a moment ago; for errors see :meth:`find_metadata`."""
        kept = self._keys
        if kept is not None and self._monotonic() < self._keys_at + NEWER_SECONDS:
            return kept
        return await self._work.do("keys", self._ask_keys)

    async def _ask_metadata(self) -> Metadata:
        found = await self._ask(self._issuer.rstrip("/") + WELL_KNOWN)
        try:
            metadata = read_metadata(found.content, self._issuer)
        except ValueError as problem:
            raise self._fail(f"its metadata makes no sense: {problem}") from None
        self._metadata, self._metadata_at = metadata, self._monotonic()
        return metadata

    async def _ask_keys(self) -> ProviderKeys:
        metadata = await self.find_metadata()
        keys = ProviderKeys.read((await self._ask(metadata.jwks_uri)).content)
        if not keys:
            raise self._fail("it has published no key by which ID tokens could be verified")
        self._keys, self._keys_at = keys, self._monotonic()
        return keys

    async def _ask(self, url: str) -> Fetched:
        """The answer of a provider that has not failed just now."""
        if self._failed_at is not None and self._monotonic() < self._failed_at + RETRY_SECONDS:
            raise provider_unavailable()
        try:
            found = await self._fetcher.get(url)
        except CloudError as problem:
            # Where there was no room for the question, the provider was not asked: strangers can bring that about.
            if problem.code != PROVIDER_BUSY:
                self._failed_at = self._monotonic()
            raise
        if found.status != _OK:
            raise self._fail(f"it has answered {found.status} to the question for what it has published")
        self._failed_at = None
        return found

    def _fail(self, reason: str) -> CloudError:
        self._failed_at = self._monotonic()
        _log.emit(LogLevel.warn, "identity provider {name}: {reason}", name=self._name, reason=reason)
        return provider_unavailable()
