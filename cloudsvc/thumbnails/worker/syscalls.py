"""System calls that a process gives up for good (seccomp, Linux 3.5 and newer)."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2

_LOAD_WORD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K

_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
"""Where they are in ``struct seccomp_data``, on machines of little-endian order."""

_ALLOW: Final = 0x7FFF0000
_FAIL: Final = 0x00050000
_KILL: Final = 0x80000000
_CLONE_THREAD: Final = 0x00010000
_OTHER_ABI: Final = 0x40000000
"""The bit of calls in the ABI x32, which has numbers of its own."""


class _Machine(NamedTuple):
    """
    The numbers of an architecture.

    :ivar audit: its own (linux/audit.h).
    :ivar clone: starts a process or a thread, as its first argument says.
    :ivar clone3: the same, but a filter cannot see what it says.
    :ivar prlimit: sets limits of the process that its first argument names, or of this one.
    :ivar forbidden: whatever starts a process or a program, speaks to the network, or looks into other processes or
        signals them.
    """

    audit: int
    clone: int
    clone3: int
    prlimit: int
    forbidden: tuple[int, ...]


_COMMON: Final = (424, 425, 434)
"""pidfd_send_signal; io_uring_setup, which could do what is forbidden; pidfd_open."""

_MACHINES: Final = {
    "x86_64": _Machine(
        audit=0xC000003E,
        clone=56,
        clone3=435,
        prlimit=302,
        # socket, connect, socketpair, fork, vfork, execve, kill, ptrace, rt_sigqueueinfo, tkill, tgkill,
        # rt_tgsigqueueinfo, process_vm_readv, process_vm_writev, execveat.
        forbidden=(41, 42, 53, 57, 58, 59, 62, 101, 129, 200, 234, 297, 310, 311, 322, *_COMMON),
    ),
    "aarch64": _Machine(
        audit=0xC00000B7,
        clone=220,
        clone3=435,
        prlimit=261,
        # ptrace, kill, tkill, tgkill, rt_sigqueueinfo, socket, socketpair, connect, execve, rt_tgsigqueueinfo,
        # process_vm_readv, process_vm_writev, execveat. It has no fork of its own.
        forbidden=(117, 129, 130, 131, 138, 198, 199, 203, 221, 240, 270, 271, 281, *_COMMON),
    ),
}
"""By what uname calls it."""


def forbid_processes() -> bool:
    """
    Never start a process or a program any more, nor speak to another one. Threads can still be started.

    Whether it worked: there are other machines, and kernels without it.
    """
    machine = _MACHINES.get(os.uname().machine)
    if machine is None:
        return False
    program = b"".join(_compile(machine))
    library = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: the number of instructions, and where they are.
    description = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer)))
    without = [ctypes.c_ulong(0)] * 3
    if library.prctl(_PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), *without):
        return False
    filtered = library.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_FILTER), description, *without[1:])
    return bool(filtered == 0)


def _compile(machine: _Machine) -> Iterator[bytes]:
    """The filter, in the language of the Berkeley Packet Filter: jumps count the instructions that they pass over."""
    yield _say(_LOAD_WORD, _ARCHITECTURE_AT)
    yield _say(_IF_EQUAL, machine.audit, then=1)
    yield _say(_RETURN, _KILL)
    yield _say(_LOAD_WORD, _NUMBER_AT)
    yield _say(_IF_AT_LEAST, _OTHER_ABI, otherwise=1)
    yield _say(_RETURN, _FAIL | errno.ENOSYS)
    for number in machine.forbidden:
        yield _say(_IF_EQUAL, number, otherwise=1)
        yield _say(_RETURN, _FAIL | errno.EAGAIN)
    yield _say(_IF_EQUAL, machine.prlimit, otherwise=4)
    yield _say(_LOAD_WORD, _FIRST_ARGUMENT_AT)
    yield _say(_IF_EQUAL, 0, then=1)
    yield _say(_RETURN, _FAIL | errno.EPERM)
    yield _say(_RETURN, _ALLOW)
    # The C library falls back to the older call, which tells.
    yield _say(_IF_EQUAL, machine.clone3, otherwise=1)
    yield _say(_RETURN, _FAIL | errno.ENOSYS)
    yield _say(_IF_EQUAL, machine.clone, otherwise=3)
    yield _say(_LOAD_WORD, _FIRST_ARGUMENT_AT)
    yield _say(_IF_ANY_BIT, _CLONE_THREAD, then=1)
    yield _say(_RETURN, _FAIL | errno.EAGAIN)
    yield _say(_RETURN, _ALLOW)


def _say(code: int, operand: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """``struct sock_filter``."""
    return struct.pack("@HBBI", code, then, otherwise, operand)
