"""Names and addresses of a certificate, and the constraints that keep an authority to exactly those."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import TypeAlias

from cryptography import x509

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.hosts import WILDCARD, parse_host

SubjectName: TypeAlias = x509.DNSName | x509.IPAddress

_EVERY_NAME = x509.DNSName("")
_EVERY_ADDRESS = (x509.IPAddress(IPv4Network("0.0.0.0/0")), x509.IPAddress(IPv6Network("::/0")))


def parse_names(texts: Iterable[str]) -> tuple[SubjectName, ...]:
    """
    Subject alternative names for host names (also international ones and ``*.example.org``) and addresses, without
    duplicates, in the given order.

    :raises OperatorError: with one line for each text that is neither, or when there is none at all.
    """
    names: dict[SubjectName, None] = {}
    faults = []
    for text in texts:
        try:
            names[_parse_name(text)] = None
        except ValueError as error:
            faults.append(f"a certificate cannot name {text!r} ({error}): give a host name or an IP address")
    if not names and not faults:
        faults.append("a certificate needs at least one name: give a host name or an IP address")
    if faults:
        raise OperatorError(faults)
    return tuple(names)


def _parse_name(text: str) -> SubjectName:
    host = parse_host(text)
    return x509.DNSName(host) if isinstance(host, str) else x509.IPAddress(host)


def names_of(certificate: x509.Certificate) -> tuple[SubjectName, ...]:
    """The DNS names and addresses in the subject alternative names of ``certificate``; empty where it has none."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ()
    return tuple(name for name in alternatives if isinstance(name, SubjectName))


def find_missing(certificate: x509.Certificate, names: Iterable[SubjectName]) -> tuple[SubjectName, ...]:
    """Those of ``names`` that ``certificate`` is not for, neither literally nor by a wildcard (RFC 6125, 6.4.3)."""
    present = set(names_of(certificate))
    return tuple(name for name in names if name not in present and _wildcard_of(name) not in present)


def _wildcard_of(name: SubjectName) -> SubjectName | None:
    if not isinstance(name, x509.DNSName):
        return None
    return x509.DNSName(WILDCARD + name.value.partition(".")[2])


def constrain(names: Sequence[SubjectName]) -> x509.NameConstraints:
    """
    Constraints under which an authority can vouch for ``names`` and nothing else (RFC 5280, 4.2.1.10).

    Permitting names of one type leaves the other type free, so a type without any name is excluded whole. A DNS
    constraint covers what lies below the name as well: the standard knows no narrower one.
    """
    permitted = list(dict.fromkeys(_subtree(name) for name in names))
    excluded: list[x509.GeneralName] = []
    if not any(isinstance(name, x509.DNSName) for name in permitted):
        excluded.append(_EVERY_NAME)
    if not any(isinstance(name, x509.IPAddress) for name in permitted):
        excluded.extend(_EVERY_ADDRESS)
    return x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=excluded or None)


def covers(authority: x509.Certificate, names: Iterable[SubjectName]) -> bool:
    """Whether the name constraints of ``authority`` permit each of ``names``."""
    try:
        constraints = authority.extensions.get_extension_for_class(x509.NameConstraints).value
    except x509.ExtensionNotFound:
        return True
    permitted = constraints.permitted_subtrees or ()
    return all(any(_permits(subtree, _subtree(name)) for subtree in permitted) for name in names)


def _subtree(name: SubjectName) -> SubjectName:
    if isinstance(name, x509.DNSName):
        return x509.DNSName(name.value.removeprefix(WILDCARD))
    return x509.IPAddress(ip_network(str(name.value)))


def _permits(subtree: x509.GeneralName, name: SubjectName) -> bool:
    if isinstance(name, x509.DNSName):
        return isinstance(subtree, x509.DNSName) and f".{name.value}".endswith(f".{subtree.value}")
    return subtree == name
