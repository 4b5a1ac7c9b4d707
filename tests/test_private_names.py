"""Every private name of another library that the package uses stands in one module, and is still there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import frozen
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

from cloudsvc.core.private_names import USED, WHERE_PRESENT, check, find_missing, list_names

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = "cloudsvc.core.private_names"

DOCUMENTED: Final = frozenset({"_exit", "_make", "_replace", "_asdict", "_fields"})
"""Names of the standard library that begin so and are public all the same: of ``os``, and of named tuples."""

OF_STUBS: Final = frozenset({"_Hash"})
"""Types that only mypy knows."""


@frozen
class Module:
    """A module of the package, as its text says."""

    name: str
    tree: ast.Module

    def list_own(self) -> set[str]:
        """Private names that it defines, or sets on its objects."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                    found.add(name)
                case ast.Name(id=name, ctx=ast.Store()):
                    found.add(name)
                case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                    found.add(name)
                case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
                    found.update(ast.literal_eval(value))
        return {name for name in found if is_private(name)}

    def list_imports(self) -> set[str]:
        """Modules of the package that it imports."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ImportFrom) and node.module]
        return {str(node.module) for node in nodes if str(node.module).startswith("cloudsvc")}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name != "_"


def list_used(tree: ast.AST) -> Iterator[str]:
    """Private names that are read, set, imported, or asked for by their names as text."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name):
                yield name
            case ast.ImportFrom(module=module, names=names):
                yield from (name for name in (module or "").split(".") if not name.startswith("__"))
                yield from (each.name for each in names)
            case ast.Import(names=names):
                yield from (name for each in names for name in each.name.split("."))
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr"), args=[_, ast.Constant(value), *_]):
                yield str(value)


def list_members(node: ast.ClassDef) -> Iterator[str]:
    """Names that a class defines: methods, attributes, slots."""
    for statement in node.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.Assign(targets=[ast.Name(id="__slots__")], value=value):
                yield from ast.literal_eval(value)
            case ast.Assign(targets=targets):
                yield from (target.id for target in targets if isinstance(target, ast.Name))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def read_package() -> Mapping[str, Module]:
    files = [file for top in ("cloudsvc", "twisted") for file in sorted((ROOT / top).rglob("*.py"))]
    return {name_of(file): Module(name_of(file), ast.parse(file.read_bytes())) for file in files}


def find_foreign_names(module: Module, package: Mapping[str, Module]) -> set[str]:
    """The private names that ``module`` uses and that are another library's."""
    seen = module.list_imports() | list_modules_of_bases(module)
    own = module.list_own().union(*(package[each].list_own() for each in seen if each in package))
    found = {name for name in list_used(module.tree) if is_private(name)} - own
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and node in module.tree.body and node.bases:
            # What a class of ours sets or overrides may be its base's all the same.
            found |= {*list_used(node), *list_members(node)} & names_of_bases(module.name, node.name)
    return {name for name in found if is_private(name)} - DOCUMENTED - OF_STUBS


def list_modules_of_bases(module: Module) -> set[str]:
    """The modules of all classes from which those of ``module`` inherit."""
    kinds = [
        getattr(import_module(module.name), node.name)
        for node in module.tree.body
        if isinstance(node, ast.ClassDef) and node.bases
    ]
    return {base.__module__ for kind in kinds for base in getattr(kind, "__mro__", ())}


def names_of_bases(module: str, name: str) -> set[str]:
    """The private names of the bases of a class that are not of this package."""
    kind = getattr(import_module(module), name)
    # An interface of zope's is an object, not a class.
    bases = [base for base in getattr(kind, "__mro__", ()) if not base.__module__.startswith("cloudsvc")]
    return {each for base in bases for each in list_names(base) if is_private(each)}


def find_reachable(module: str, package: Mapping[str, Module]) -> set[str]:
    """The modules that are imported with this one."""
    found, left = set[str](), [module]
    while left:
        each = left.pop()
        if each in package and each not in found:
            found.add(each)
            left += package[each].list_imports()
    return found


def test_every_one_that_is_used_stands_in_the_table_and_no_other() -> None:
    package = read_package()
    used = {
        name: names
        for name, module in package.items()
        if name != TABLE and ".migrations." not in name and (names := find_foreign_names(module, package))
    }
    listed = {name for names in (*USED.values(), *WHERE_PRESENT.values()) for name in names}
    imported = {"_MalformedChunkedDataError", "_nameEncoder", "_wrapper"}  # the table's module imports these for others
    assert set().union(*used.values()) | imported == listed
    optional = set().union(*WHERE_PRESENT.values())
    for module, names in used.items():
        assert names <= optional or TABLE in find_reachable(module, package), f"{module} does not import the table"


def test_what_is_used_is_found_in_whatever_form() -> None:
    text = """
from a._b import c, _d
import e._f
g._h = getattr(i, "_j", None)
class K:
    _own = 1
    def m(self):
        return self._own, self.n._o
"""
    module = Module("sample", ast.parse(text))
    assert find_foreign_names(module, {}) == {"_b", "_d", "_f", "_h", "_j", "_o"}


def test_one_that_a_class_sets_and_that_is_its_base_s_is_found() -> None:
    package = read_package()
    found = find_foreign_names(package["cloudsvc.web.http1.channel"], package)
    assert {"_waitingForTransport", "_networkProducer", "_handlingRequest"} <= found


def test_one_that_is_gone_is_told_with_the_version_before_anything_runs() -> None:
    used = {
        "twisted.web.http:HTTPChannel": ("_command", "_gone"),
        "twisted.web.http": ("_None",),
        "twisted.no": ("_a",),
    }
    assert set(find_missing(used)) == {"twisted.web.http.HTTPChannel._gone", "twisted.web.http._None", "twisted.no"}
    with pytest.raises(ImportError, match=r"^Twisted \d+\.\d+.* has no twisted\.web\.http\.HTTPChannel\._gone$"):
        check({"twisted.web.http:HTTPChannel": ("_gone",)})


def test_a_release_that_nobody_has_tried_is_not_installed() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    for library in ("klein", "pyopenssl", r"twisted\[tls\]"):
        assert re.search(rf'^    "{library}>=[\d.]+,<[\d.]+",$', text, re.MULTILINE), library


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


def test_the_objects_that_twisted_makes_have_them() -> None:
    """The table's own check reads classes; what instances have is seen when there are some."""
    plain, tls = connect_channel(), connect_tls()
    request = plain.requests[0]
    made = {
        "FileDescriptor": FileDescriptor(MemoryReactor()),
        "HTTPChannel": plain,
        "Headers": request.requestHeaders,
        "Request": request,
        "TLSMemoryBIOFactory": tls.factory,
        "TLSMemoryBIOProtocol": tls,
    }
    classes = {owner.partition(":")[2]: names for owner, names in USED.items() if ":" in owner}
    assert made.keys() == classes.keys()
    for owner, names in classes.items():
        assert {name for name in names if not hasattr(made[owner], name)} == set(), owner
