"""
Private names of other libraries: every one that cloudsvc leans on, checked when this module is imported.

Twisted's parser, its TLS and its transports do more than their public interfaces offer, and what a fast server adds has
to stand inside them. A release may change what is private without a word. So each name stands here; a module that leans
on one imports the class that has it from here; and where a library no longer has it, the import fails and says which,
instead of a request that goes wrong. ``tests/test_private_names.py`` finds all that are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from importlib.metadata import version
from types import CodeType, MappingProxyType
from typing import Any, Final

from twisted.internet.abstract import FileDescriptor
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers
from twisted.web.server import Request

try:
    from twisted.protocols.haproxy._wrapper import HAProxyProtocolWrapper
    from twisted.web.http import _MalformedChunkedDataError as MalformedChunkedDataError
    from twisted.web.http_headers import _nameEncoder as name_encoder
except ImportError as problem:
    raise ImportError(f"Twisted {version('twisted')} is not one that cloudsvc can run on: {problem}") from problem

__all__ = [
    "FileDescriptor",
    "HAProxyProtocolWrapper",
    "HTTPChannel",
    "Headers",
    "MalformedChunkedDataError",
    "Request",
    "TLSMemoryBIOFactory",
    "TLSMemoryBIOProtocol",
    "name_encoder",
]

USED: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "twisted.internet.abstract:FileDescriptor": ("_tempDataLen",),
        "twisted.protocols.haproxy": ("_wrapper",),
        "twisted.protocols.tls:TLSMemoryBIOFactory": ("_clock",),
        "twisted.protocols.tls:TLSMemoryBIOProtocol": (
            "_aborted",
            "_bufferedWrite",
            "_flushReceiveBIO",
            "_flushSendBIO",
            "_handshakeDone",
            "_lostTLSConnection",
            "_shutdownTLS",
            "_tlsConnection",
            "_tlsShutdownFinished",
            "_write",
        ),
        "twisted.web.http": ("_MalformedChunkedDataError",),
        "twisted.web.http:HTTPChannel": (
            "_buffer",
            "_command",
            "_dataBuffer",
            "_failChooseTransferDecoder",
            "_finishRequestBody",
            "_handlingRequest",
            "_maybeChooseTransferDecoder",
            "_networkProducer",
            "_optimisticEagerReadSize",
            "_path",
            "_receivedHeaderCount",
            "_receivedHeaderSize",
            "_requestProducer",
            "_respondToBadRequestAndDisconnect",
            "_transferDecoder",
            "_version",
            "_waitingForTransport",
        ),
        "twisted.web.http_headers": ("_nameEncoder",),
        "twisted.web.http_headers:Headers": ("_rawHeaders",),
        "twisted.web.server:Request": ("_cleanup", "_disconnected"),
    }
)
"""The private names of each module, or class in a module, that cloudsvc cannot do without."""

WHERE_PRESENT: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"OpenSSL.SSL": ("_lib",), "OpenSSL.SSL:Context": ("_context",)}
)
"""Those that it can do without, and asks for with :func:`getattr`."""


def list_names(owner: Any) -> set[str]:
    """
    The names that ``owner`` has, a module or a class.

    Of a class also what its methods read and set: an attribute of its instances is nowhere else to be seen before there
    is one.
    """
    names = set(dir(owner))
    for base in getattr(owner, "__mro__", ()):
        names.update(getattr(base, "__annotations__", ()))
        for value in vars(base).values():
            for code in _find_code(value):
                names.update(code.co_names)
    return names


def find_missing(used: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """What of ``used`` (see :data:`USED`) is not there, with the modules and classes that lack it."""
    for owner, names in used.items():
        module, _, attribute = owner.partition(":")
        try:
            imported = import_module(module)
        except ImportError:
            yield module
            continue
        has = list_names(getattr(imported, attribute, None) if attribute else imported)
        yield from (f"{owner.replace(':', '.')}.{name}" for name in names if name not in has)


def check(used: Mapping[str, tuple[str, ...]]) -> None:
    """
    See that everything in ``used`` is there.

    :raises ImportError: names what is missing, and the version of Twisted.
    """
    if missing := sorted(find_missing(used)):
        raise ImportError(
            f"Twisted {version('twisted')} is not one that cloudsvc can run on: it has no {', '.join(missing)}"
        )


def _find_code(value: Any) -> Iterator[CodeType]:
    """The code of a method, a property, a class method, or what decorates one."""
    code = getattr(value, "__code__", None)
    if isinstance(code, CodeType):
        yield code
        yield from (inner for inner in code.co_consts if isinstance(inner, CodeType))
    for member in ("__wrapped__", "__func__", "fget", "fset"):
        if (inner := getattr(value, member, None)) is not None:
            yield from _find_code(inner)


check(USED)
