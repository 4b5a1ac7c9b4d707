"""Reactor interfaces made of several of Twisted's, each provided by every reactor on a system like ours."""

from __future__ import annotations

from twisted.internet.interfaces import IReactorCore, IReactorFDSet, IReactorFromThreads, IReactorProcess, IReactorTime


class IListeningReactor(IReactorFDSet, IReactorTime):
    """What listening to a descriptor of one's own needs. None says that it provides this."""


class IReactor(IReactorCore, IListeningReactor, IReactorFromThreads, IReactorProcess):
    """A reactor in full, for what makes the narrower ones that other parts are given. None says that it provides it."""
