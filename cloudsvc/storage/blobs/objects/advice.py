"""Advice on why a bucket cannot be used, each in one line."""

from __future__ import annotations

from typing import Final

from cloudsvc.storage.blobs.objects.faults import ObjectMissing, StoreFault
from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings

_NO_BUCKET: Final = "there is no bucket {bucket!r} at {place}; make it, or name another one"
_CREDENTIALS: Final = "{place} refuses the credentials for {url} ({code}); correct access key, secret key or region"
_NO_CREDENTIALS: Final = "there are no credentials for {url}; set access key and secret key"
_NOT_ALLOWED: Final = "the credentials may not use {url}; give them the right to list, read, write and delete there"
_OTHER_REGION: Final = "the bucket {bucket!r} is in another region than {region!r}; correct the region"
_CLOCK: Final = "the clock of this machine differs from that of {place} by more than 15 minutes; set it"
_CERTIFICATE: Final = "the certificate of {place} cannot be verified; name the file of its authority in blobs.ca_file"
_ELSE: Final = "{place} does not work ({reason}); see that it runs and can be reached from here"

_ADVICE: Final = {
    "NoSuchBucket": _NO_BUCKET,
    "InvalidAccessKeyId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "ExpiredToken": _CREDENTIALS,
    "InvalidToken": _CREDENTIALS,
    "AuthorizationHeaderMalformed": _CREDENTIALS,
    "NoCredentialsError": _NO_CREDENTIALS,
    "PartialCredentialsError": _NO_CREDENTIALS,
    "CredentialRetrievalError": _NO_CREDENTIALS,
    "AccessDenied": _NOT_ALLOWED,
    "AllAccessDisabled": _NOT_ALLOWED,
    "403": _NOT_ALLOWED,
    "PermanentRedirect": _OTHER_REGION,
    "301": _OTHER_REGION,
    "IllegalLocationConstraintException": _OTHER_REGION,
    "RequestTimeTooSkewed": _CLOCK,
    "SSLError": _CERTIFICATE,
}


def explain(problem: StoreFault | ObjectMissing, settings: ObjectStoreSettings) -> str:
    """One line that says what to do. It has no text of the store's, which may repeat what was sent."""
    code = problem.code if isinstance(problem, StoreFault) else "NoSuchBucket"
    return _ADVICE.get(code, _ELSE).format(
        bucket=settings.bucket,
        place=settings.endpoint or f"AWS in {settings.region}",
        url=settings.url,
        region=settings.region,
        code=code,
        reason=str(problem),
    )
