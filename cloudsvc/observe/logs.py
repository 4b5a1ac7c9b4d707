"""Log writer: lines are gathered, and written in batches by the thread of the reactor."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from threading import get_ident
from typing import Final

from attrs import define, evolve, field
from attrs.validators import in_
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.observe.files import LinesLost, Target
from cloudsvc.observe.lines import LogFormat
from cloudsvc.observe.records import LEVELS, Plain, level_of, read_event

_log = Logger()

FLUSH_SECONDS: Final = 0.2
FLUSH_BYTES: Final = 64 * 1024
_URGENT: Final = LEVELS.index("error")


@define(eq=False)
class LogWriter:
    """
    Writes finished lines to all its targets.

    Between :meth:`start` and :meth:`stop` lines wait for each other, at most 0.2 seconds and 64 KiB; outside, each is
    written at once. Only the reactor's thread may call it. A target that fails never troubles the caller: the lines it
    did not take are counted, and it is said when that begins and when it is over.

    :param count_dropped: is called with the number of lines that a target did not take.
    """

    _targets: Sequence[Target]
    _clock: IReactorTime
    _count_dropped: Callable[[int], object] = lambda lines: None  # without metrics nobody counts
    _pending: list[bytes] = field(factory=list, init=False)
    _size: int = field(default=0, init=False)
    _timer: IDelayedCall | None = field(default=None, init=False)
    _running: bool = field(default=False, init=False)
    _losses: dict[str, int] = field(factory=dict, init=False)

    def start(self) -> None:
        """Begin to gather lines."""
        self._running = True

    def stop(self) -> None:
        """Write what waits. Later lines are still written, each at once."""
        self._running = False
        self.flush()

    def close(self) -> None:
        """Stop, and let go of the targets: later lines go nowhere."""
        self.stop()
        targets, self._targets = self._targets, ()
        for target in targets:
            target.close()

    def write(self, line: bytes, *, urgent: bool = False) -> None:
        """Take one finished record, newline included. An urgent one is written at once, after those that wait."""
        self._pending.append(line)
        self._size += len(line)
        if urgent or self._size > FLUSH_BYTES or not self._running:
            self.flush()
        elif self._timer is None:
            self._timer = self._clock.callLater(FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write what waits."""
        if self._timer is not None:
            if self._timer.active():
                self._timer.cancel()
            self._timer = None
        if not self._pending:
            return
        lines = b"".join(self._pending)
        self._pending.clear()
        self._size = 0
        # What there is to say about a target becomes a line itself: only once every target has these.
        for news in [self._deliver(target, lines) for target in self._targets]:
            if news:
                _log.warn("{news}", news=news)

    def reopen(self) -> None:
        """Open the files anew: on SIGHUP, when logrotate has moved them away."""
        self.flush()
        for target in self._targets:
            try:
                target.reopen()
            except OSError as problem:
                _log.error(
                    "{target} cannot be opened anew and the old file stays in use: {reason}",
                    target=target.name,
                    reason=problem.strerror,
                )

    def _deliver(self, target: Target, lines: bytes) -> str:
        before = self._losses.pop(target.name, 0)
        try:
            target.write(lines)
        except LinesLost as problem:
            self._count_dropped(problem.lines)
            self._losses[target.name] = before + problem.lines
            return "" if before else f"{target.name} takes no log lines, they are lost until it does: {problem.reason}"
        return f"{target.name} takes log lines again, {before} were lost" if before else ""


@implementer(ILogObserver)
@define(eq=False)
class LogObserver:
    """
    Renders every event of :mod:`twisted.logger` from a level on into a writer. Make it in the reactor's thread.

    :param call_from_thread: gets a line from any other thread to the reactor's (``reactor.callFromThread``).
    :param level: one of :data:`LEVELS`; what is below it is not logged.
    :param common: fields that every record has.
    """

    _writer: LogWriter
    _format: LogFormat
    _call_from_thread: Callable[..., object]
    _level: str = field(validator=in_(LEVELS))
    _common: Mapping[str, Plain] = field(factory=dict)
    _thread: int = field(factory=get_ident, init=False)

    def __call__(self, event: LogEvent) -> None:
        """Log one event."""
        rank = LEVELS.index(level_of(event))
        if rank < LEVELS.index(self._level):
            return
        # Rendered here and now: what the values of an event say may be different later.
        record = read_event(event)
        if self._common:
            record = evolve(record, fields={**record.fields, **self._common})
        line = self._format.render(record)
        if get_ident() == self._thread:
            self._writer.write(line, urgent=rank >= _URGENT)
        else:
            self._call_from_thread(partial(self._writer.write, line, urgent=rank >= _URGENT))


class StandardLibraryHandler(logging.Handler):
    """Passes what libraries say through :mod:`logging` on to :mod:`twisted.logger`, so that there is one log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record, in the namespace that is its logger's name."""
        logger = Logger(namespace=record.name)
        level = LogLevel.levelWithName(LEVELS[max(0, min(record.levelno // 10 - 1, len(LEVELS) - 1))])
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001  # a library's mistake in its own arguments
            text = str(record.msg)
        if record.exc_info and record.exc_info[1] is not None:
            logger.emit(level, "{text}", text=text, log_failure=Failure(record.exc_info[1]))
        else:
            logger.emit(level, "{text}", text=text)
