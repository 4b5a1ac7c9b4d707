"""Keys of identity providers, by which their ID tokens are verified (RFC 7517)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import frozen
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

MOST_KEYS: Final = 100
"""Of one provider; what is beyond is not looked at."""

_LEAST_MODULUS: Final = 342
"""Characters of the modulus of an RSA key, in base64url: 2048 bits (RFC 7518 section 3.3)."""

_TYPES: Final[Mapping[str, type]] = {"RS": RSAKey, "PS": RSAKey, "ES": ECKey, "Ed": OKPKey}
"""Of which type a key has to be, by how algorithms begin."""

_KINDS: Final = (RSAKey.key_type, ECKey.key_type, OKPKey.key_type)

PublicKey = RSAKey | ECKey | OKPKey


@frozen
class ProviderKeys:
    """The public keys of a provider, as it has published them."""

    _keys: tuple[PublicKey, ...] = ()

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> ProviderKeys:
        """Those of a key set that can verify anything; others, and what is no key, are passed over (section 5)."""
        found = content.get("keys")
        return cls(tuple(_read_keys(found[:MOST_KEYS]))) if isinstance(found, list) else cls()

    def __bool__(self) -> bool:
        return bool(self._keys)

    def find(self, algorithm: str, kid: str | None) -> PublicKey | None:
        """
        The key for a signature.

        :param kid: as the signature names it; ``None`` where it names none, which will do where there is one alone.
        """
        fitting = [each for each in self._keys if _fits(each, algorithm) and kid in (None, each.get("kid"))]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None


def _fits(key: PublicKey, algorithm: str) -> bool:
    return isinstance(key, _TYPES[algorithm[:2]]) and key.get("alg") in (None, algorithm)


def _read_keys(found: Iterable[object]) -> Iterable[PublicKey]:
    for each in found:
        # Whatever is no public key is not even read, secrets first of all.
        if not isinstance(each, dict) or each.get("kty") not in _KINDS or each.get("use") not in (None, "sig"):
            continue
        if each.get("kty") == RSAKey.key_type and len(str(each.get("n"))) < _LEAST_MODULUS:
            continue
        try:
            key = JWKRegistry.import_key(each)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            yield key
