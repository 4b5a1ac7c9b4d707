"""Bind errors in words that help, and sockets in the file system that outlive a process."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.python.lockfile import FilesystemLock

from cloudsvc.core.errors import OperatorError

_LOCKED = "Cannot acquire lock"
_PRIVILEGED = 1024


def explain(error: Exception) -> str:
    """Why an endpoint could not be bound, and what to do about it, in one line."""
    if isinstance(error, CannotListenError):
        return _explain_binding(error)
    if isinstance(error, OperatorError):
        return "; ".join(error.lines)
    if isinstance(error, PermissionError) and isinstance(error.filename, str | bytes):
        return f"{os.fsdecode(error.filename2 or error.filename)} is not permitted: give the server's user access to it"
    if isinstance(error, OSError):
        # A lock is a link, whose other name is the number of a process.
        where = os.fsdecode(error.filename2 or error.filename or "the system")
        return f"{where}: {error.strerror or error}"
    return str(error) or type(error).__name__


def _explain_binding(error: CannotListenError) -> str:
    where = _path_of(error) or f"port {error.port}"
    reason = error.socketError
    code = reason.errno if isinstance(reason, OSError) else None
    if code == errno.EADDRINUSE or reason == _LOCKED:
        return f"another server listens on {where}: stop it, or choose another (set PORT)"
    if code in {errno.EACCES, errno.EPERM}:
        if isinstance(error.port, int) and error.port < _PRIVILEGED:
            return (
                f"{where} is not permitted: ports below {_PRIVILEGED} need root or CAP_NET_BIND_SERVICE;"
                " grant it, or choose a higher one (set PORT)"
            )
        return f"{where} is not permitted: let the server's user write there"
    if code == errno.EADDRNOTAVAIL:
        return f"this host has no address {error.interface}: use one of its own, or 0.0.0.0 for all (set HOST)"
    if isinstance(reason, socket.gaierror):
        return f"{error.interface} is no address of this host: use one of its own, or 0.0.0.0 for all (set HOST)"
    return f"{where}: {reason}"


def remove_stale(error: CannotListenError) -> bool:
    """
    Remove a Unix socket, and the lock beside it, that nobody listens on any more.

    The lock names a process, which proves little: in a container every server is process 1, and whoever went to the
    background has another number than when it bound. Connecting tells for certain.

    :returns: whether binding is worth another try.
    """
    path = _path_of(error)
    if path is None or not (path.is_socket() or (_lock_of(path).is_symlink() and not path.exists())):
        return False
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(0)
        try:
            client.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            pass
        except OSError:
            return False
        else:
            return False
    with suppress(OSError):
        path.unlink(missing_ok=True)
        _lock_of(path).unlink(missing_ok=True)
        return True
    return False


def take_over(ports: Iterable[IListeningPort]) -> None:
    """
    Make this process the owner of the locks of Unix sockets, which name the process that bound them.

    Without it a server that went to the background leaves its lock behind when it stops, and another one would take
    the lock for abandoned and remove a socket in use.
    """
    for port in ports:
        lock = getattr(port, "lockFile", None)
        if isinstance(lock, FilesystemLock):
            path = Path(os.fsdecode(lock.name))
            mine = path.with_name(f"{path.name}.{os.getpid()}")
            mine.symlink_to(str(os.getpid()))
            mine.replace(path)


def _path_of(error: CannotListenError) -> Path | None:
    return Path(os.fsdecode(error.port)) if isinstance(error.port, bytes | str) else None


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")
