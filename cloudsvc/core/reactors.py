"""Reactor interface in full, for what makes the narrower ones that other parts are given."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IReactorFromThreads, IReactorProcess, IReactorTime


class IReactor(IReactorCore, IReactorTime, IReactorFromThreads, IReactorProcess):
    """What every reactor of Twisted's provides on a system like ours, part by part. None says that it provides this."""
