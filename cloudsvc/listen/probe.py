"""Health probe, which verifies that the server is the one that the certificate file speaks of."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Timer
from typing import Any

from attrs import frozen
from cryptography import x509
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import verify_certificate_hostname, verify_certificate_ip_address

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.tls.names import names_of
from cloudsvc.tls.pem import read_certificates

HEALTH_PATH = "/api/health"

_LONGEST_ANSWER = 1 << 20
# Version 2 of the PROXY protocol with the command LOCAL, which is for asking after somebody's health.
_PROXY_HEADER = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


@frozen(kw_only=True)
class ProbeResult:
    """The HTTP status of the answer and its JSON object."""

    status: int
    body: dict[str, Any]


def probe(
    host: str, port: int, certificate_file: Path, timeout: float, *, path: str = HEALTH_PATH, proxied: bool = False
) -> ProbeResult:
    """
    What the server at ``host`` and ``port`` answers to ``GET path`` over TLS, verified.

    Trusted is exactly what ``certificate_file`` holds, whether that leads to a root or not; the name asked for is the
    first one its leaf is for. It blocks, and needs no reactor.

    :param host: an address this host listens on; one that means "every address" is taken as loopback.
    :param timeout: seconds for all of it.
    :param proxied: whether the server expects a PROXY protocol header first.
    :raises OperatorError: when ``certificate_file`` cannot be read.
    :raises CloudError: ``server_unreachable``, ``server_untrusted`` or ``bad_answer``.
    """
    name = _choose_name(certificate_file)
    context = _trust(certificate_file)
    try:
        with socket.create_connection((_reachable(host), port), timeout) as plain, _deadline(plain, timeout):
            if proxied:
                plain.sendall(_PROXY_HEADER)
            with context.wrap_socket(plain, server_hostname=name) as secure:
                _verify(secure, name)
                return _ask(secure, name, path)
    except (ssl.SSLCertVerificationError, VerificationError, CertificateError) as error:
        raise _untrusted(certificate_file, getattr(error, "verify_message", str(error))) from None
    except OSError as error:
        where = f"{_reachable(host)} port {port}"
        reason = error.strerror or str(error) or "no answer in time"
        raise CloudError(
            Kind.UNAVAILABLE,
            "server_unreachable",
            f"no TLS server answers at {where}: {reason}; start it, or ask where it listens (set HOST and PORT)",
        ) from None
    except (HTTPException, ValueError) as error:
        raise CloudError(Kind.UNAVAILABLE, "bad_answer", f"the server gave no JSON object: {error}") from None


def _choose_name(certificate_file: Path) -> str:
    names = names_of(read_certificates(certificate_file)[0])
    if not names:
        raise _untrusted(certificate_file, "it has no subject alternative name")
    # DNS names first: only they can be sent in the handshake (RFC 6066, 3).
    first = min(names, key=lambda name: isinstance(name, x509.IPAddress))
    return str(first.value).replace("*", "health", 1)


def _trust(certificate_file: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certificate_file)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _verify(secure: ssl.SSLSocket, name: str) -> None:
    certificate = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    if _is_address(name):
        verify_certificate_ip_address(certificate, name)
    else:
        verify_certificate_hostname(certificate, name)


def _ask(secure: ssl.SSLSocket, name: str, path: str) -> ProbeResult:
    connection = HTTPConnection(f"[{name}]" if ":" in name else name)
    connection.sock = secure
    connection.request("GET", path, headers={"Connection": "close"})
    answer = connection.getresponse()
    body = json.loads(answer.read(_LONGEST_ANSWER))
    if not isinstance(body, dict):
        raise ValueError("it is something else")  # noqa: TRY004 - of the answer, as all that json raises
    return ProbeResult(status=answer.status, body=body)


@contextmanager
def _deadline(connection: socket.socket, timeout: float) -> Iterator[None]:
    """
    End the connection after so many seconds: a time-out of the socket begins anew with every byte.

    :raises TimeoutError: instead of what the end has caused.
    """
    ended = Event()
    # TLS takes the socket over, which leaves the one that it wraps without a descriptor.
    with connection.dup() as own:
        timer = Timer(timeout, _end, [own, ended])
        timer.start()
        try:
            yield
        except (OSError, HTTPException, ValueError):
            if ended.is_set():
                raise TimeoutError from None
            raise
        finally:
            timer.cancel()
            timer.join()


def _end(connection: socket.socket, ended: Event) -> None:
    ended.set()
    with suppress(OSError):  # the other side has ended it already
        connection.shutdown(socket.SHUT_RDWR)


def _reachable(host: str) -> str:
    bare = host.removeprefix("[").removesuffix("]")
    if not bare:
        return "127.0.0.1"
    if not _is_address(bare):
        return bare
    address = ip_address(bare)
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_unspecified:
        return "::1" if address.version == 6 else "127.0.0.1"  # noqa: PLR2004  # the two kinds there are
    return str(address)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _untrusted(certificate_file: Path, reason: str) -> CloudError:
    if "expired" in reason:
        text = (
            f"the certificate that the server shows has expired ({reason}): renew it, "
            "with `cloudsvc generate-certificate` or where it came from"
        )
    else:
        text = f"the server is not the one {certificate_file} speaks of ({reason}): reload or restart it"
    return CloudError(Kind.UNAVAILABLE, "server_untrusted", text)
