"""What this leans on although Twisted keeps it to itself is still there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from inspect import getsource
from types import ModuleType
from typing import Any

from OpenSSL import SSL
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.web.http import HTTPChannel
from twisted.web.resource import Resource
from twisted.web.server import Request, Site
from zope.interface import implementer

from cloudsvc.listen import encryption
from cloudsvc.web import channel, descriptors, request


def find_private_names(module: ModuleType) -> set[str]:
    """The names with one underscore that ``module`` uses or defines and that are Twisted's."""
    used, defined = set[str](), set[str]()
    for node in ast.walk(ast.parse(getsource(module))):
        if isinstance(node, ast.Attribute):
            used.add(node.attr)
        elif isinstance(node, ast.ClassDef):
            defined.update(_list_definitions(node))
    # What is defined here and called by nobody here is called by Twisted, and so is what is spelt as only Twisted does.
    called = {name for name in defined if name not in used or not name.islower()}
    return {name for name in used - defined | called if name.startswith("_") and not name.startswith("__")}


def _list_definitions(node: ast.ClassDef) -> Iterator[str]:
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=ast.Tuple(elts=names)):
                yield from (ast.literal_eval(name) for name in names)
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def connect_channel() -> Any:
    """Twisted's own channel with half a request."""
    plain: Any = HTTPChannel()
    plain.site = plain.factory = Site(Resource(), reactor=Clock())
    plain.requestFactory = Request
    plain.timeOut = None
    plain.makeConnection(StringTransport())
    plain.dataReceived(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
    return plain


def connect_tls() -> TLSMemoryBIOProtocol:
    """Twisted's own TLS at the beginning of a handshake."""

    @implementer(IOpenSSLServerConnectionCreator)
    class Creator:
        def serverConnectionForTLS(self, _protocol: object) -> SSL.Connection:
            return SSL.Connection(SSL.Context(SSL.TLS_METHOD), None)

    factory = TLSMemoryBIOFactory(Creator(), False, Factory.forProtocol(Protocol), Clock())  # noqa: FBT003  # Twisted's "isClient"
    protocol: TLSMemoryBIOProtocol = factory.buildProtocol(None)
    protocol.makeConnection(StringTransport())
    return protocol


def list_pairs() -> Iterator[tuple[ModuleType, list[Any]]]:
    """Each module of ours that leans on such names, and the objects of Twisted's that have them."""
    plain, tls = connect_channel(), connect_tls()
    yield channel, [plain, plain.requests[0].requestHeaders]
    yield request, [plain.requests[0]]
    yield descriptors, [FileDescriptor(MemoryReactor())]
    yield encryption, [tls, tls.factory]


def test_twisted_still_has_what_it_keeps_to_itself() -> None:
    for module, stock in list_pairs():
        names = find_private_names(module)
        assert names
        assert {name for name in names if not any(hasattr(each, name) for each in stock)} == set()
