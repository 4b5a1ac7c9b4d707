"""
Endpoint descriptions of where the server listens, bound before anything else starts.

The prefix ``cloudsvc:`` puts this server's TLS around any other description: ``cloudsvc:tcp:8443``,
``cloudsvc:systemd:domain=INET:index=0``, ``cloudsvc:haproxy:tcp:8443``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Final

from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorCore,
    IReactorTime,
    IStreamServerEndpoint,
)

import cloudsvc.listen.half_close  # noqa: F401  # registers what haproxy: lacks
from cloudsvc.core.endpoints import TLS_PREFIX, check_description
from cloudsvc.core.errors import OperatorError
from cloudsvc.listen.sockets import explain, remove_stale
from cloudsvc.tls.encryption import TLSEndpoint
from cloudsvc.tls.pem_directory import check_pem_directory

PREFIX: Final = TLS_PREFIX

BACKLOG: Final = 1024
"""Connections that may wait to be accepted. Twisted's 50 are fewer than come in one turn of a busy reactor."""

_serving: ContextVar[IOpenSSLServerConnectionCreator] = ContextVar("cloudsvc_serving")


@contextmanager
def serving(creator: IOpenSSLServerConnectionCreator) -> Iterator[None]:
    """Descriptions parsed inside, at any depth, get the TLS of ``creator``; parsers can be told no other way."""
    token = _serving.set(creator)
    try:
        yield
    finally:
        _serving.reset(token)


def compose_description(host: str, port: int) -> str:
    """This server's TLS on TCP ``port`` of the address ``host``; an empty host is every IPv4 address."""
    bare = host.removeprefix("[").removesuffix("]")
    where = f":interface={_quote(bare)}" if bare else ""
    return f"{PREFIX}:tcp:{port}{where}:backlog={BACKLOG}"


def wrap_description(reactor: IReactorCore, *args: str, **kwargs: str) -> IStreamServerEndpoint:
    """
    The endpoint that the parsed description ``args`` and ``kwargs`` stands for, inside TLS.

    :raises ValueError: when there is nothing to wrap, or it is no description.
    """
    if not any(args):
        raise ValueError(f"{PREFIX}: wraps another endpoint, such as {PREFIX}:tcp:8443")
    creator = _serving.get(None)
    if creator is None:
        # Costly to import for a plugin, and of no use inside a running server.
        from cloudsvc.tls.standalone import serve_home  # noqa: PLC0415  # see above

        creator = serve_home(reactor)
    return TLSEndpoint(creator, _parse(reactor, _unparse(args, kwargs)), IReactorTime(reactor))


def _parse(reactor: IReactorCore, description: str) -> IStreamServerEndpoint:
    return serverFromString(reactor, description)  # type: ignore[no-any-return]  # Twisted's is untyped


def _unparse(args: Iterable[str], kwargs: dict[str, str]) -> str:
    return ":".join([*map(_quote, args), *(f"{_quote(key)}={_quote(value)}" for key, value in kwargs.items())])


def _quote(text: str) -> str:
    # Twisted's own quoteStringArgument leaves an equals sign as it is, which makes a keyword of a positional argument.
    return re.sub(r"([\\:=])", r"\\\1", text)


def listen(
    reactor: IReactorCore,
    descriptions: Iterable[str],
    factory: IProtocolFactory,
    creator: IOpenSSLServerConnectionCreator | None,
) -> list[IListeningPort]:
    """
    Bind to all of ``descriptions``, or to none.

    It happens at once, so that whoever starts the server learns of a fault before it goes to the background. The
    process that goes on then calls :func:`cloudsvc.listen.sockets.take_over`.

    :param creator: of this server's TLS; ``None`` where no description asks for it.

    :raises OperatorError: with one line for each description that cannot be bound.
    """
    ports: list[IListeningPort] = []
    faults: list[str] = []
    with nullcontext() if creator is None else serving(creator):
        for description in descriptions:
            outcome = _bind(reactor, description, factory)
            if isinstance(outcome, CannotListenError) and remove_stale(outcome):
                outcome = _bind(reactor, description, factory)
            if isinstance(outcome, Exception):
                faults.append(f"cannot listen on {description}: {explain(outcome)}")
            else:
                ports.append(outcome)
    if faults:
        for port in ports:
            port.stopListening()
        raise OperatorError(faults)
    return ports


def _bind(reactor: IReactorCore, description: str, factory: IProtocolFactory) -> IListeningPort | Exception:
    try:
        check_description(description)
        check_pem_directory(description)
        pending = _parse(reactor, description).listen(factory)
    except Exception as error:  # noqa: BLE001 - parsers are plugins, and raise what they like
        if "systemd" in description and isinstance(error, IndexError | KeyError):
            return ValueError("there is no such socket: start it by a systemd socket unit, which passes LISTEN_FDS")
        return error
    outcomes: list[IListeningPort | Exception] = []
    pending.addCallbacks(outcomes.append, lambda failure: outcomes.append(failure.value))
    if not outcomes:
        pending.cancel()
        return ValueError("it does not bind at once, as a server has to: use another kind of endpoint")
    return outcomes[0]
