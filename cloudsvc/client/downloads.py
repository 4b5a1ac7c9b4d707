"""Downloads: to a partial file, from where the last attempt has come, and compared with the digest in the end."""

from __future__ import annotations

import os
from functools import partial as call_with
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.client.calls import find_file, get_file, parse_first, parse_status
from cloudsvc.client.effects import Answer, Emit, Flow, Read, Run, Sleep
from cloudsvc.client.errors import ChangedError, DamagedError, MalformedAnswerError, UnreachableError
from cloudsvc.client.partial_files import PartialFile, exists_already, has_content, is_there, name_partial
from cloudsvc.client.retrying import Retries, RetryPolicy, ask, open_answer
from cloudsvc.client.sources import Progress
from cloudsvc.client.values import Downloaded, Status

_MOST_CONTENTS: Final = 5
"""Contents of one file that a download begins with, where it is replaced again and again."""


@define(kw_only=True)
class Download:
    """
    A download of a file to a local one.

    :ivar origin: of which server, so that partial files of different ones are told apart.
    :ivar replace: whether a local file that is there makes way. One that holds the content already is left as it is.
    """

    origin: str
    path: str
    destination: Path
    policy: RetryPolicy
    version: int | None = None
    replace: bool = False
    progress: Progress | None = None
    transferred: int = 0

    def run(self) -> Flow[Downloaded]:
        """
        Bring the file, in as many requests as it takes.

        :raises ChangedError: it is replaced faster than it can be brought.
        :raises DamagedError: what came has another digest than the server says.
        :raises LocalError: it cannot be written here.
        """
        status = yield from ask(find_file(self.path, self.version), self.policy)
        if (yield from self._is_done(status)):
            return self._conclude(status)
        for _ in range(_MOST_CONTENTS):
            other = yield from self._bring(status)
            if other is None:
                return self._conclude(status)
            status = other
        raise ChangedError("file_changed", f"{self.path!r} is replaced again and again while it is sent.")

    def _is_done(self, status: Status) -> Flow[bool]:
        if not (yield Run(lambda: is_there(self.destination))):
            return False
        size = status.size or 0
        if (yield Run(lambda: has_content(self.destination, size=size, sha256=status.sha256))):
            return True
        if not self.replace:
            raise exists_already(self.destination)
        return False

    def _bring(self, status: Status) -> Flow[Status | None]:
        """Nothing once the content that ``status`` tells of is there; that of another one if it has been replaced."""
        place = name_partial(self.destination, self.origin, self.path, str(self.version), status.etag or "")
        partial: PartialFile = yield Run(lambda: PartialFile.open(place))
        try:
            resumed = partial.size > 0
            while True:
                other = yield from self._fill(partial, status)
                if other is not None:
                    yield Run(partial.discard)
                    return other
                try:
                    yield Run(call_with(self._finish, partial, status))
                except DamagedError:
                    # What was there from before may have been damaged here; what has come just now has not.
                    if not resumed:
                        raise
                    resumed = False
                    yield Run(partial.close)
                    partial = yield Run(lambda: PartialFile.open(place))
                else:
                    return None
        finally:
            partial.close()

    def _finish(self, partial: PartialFile, status: Status) -> None:
        partial.finish(self.destination, sha256=status.sha256, replace=self.replace, modified_at=status.modified_at)

    def _fill(self, partial: PartialFile, status: Status) -> Flow[Status | None]:
        retries, size = Retries(self.policy), status.size or 0
        if partial.size > size:
            yield Run(partial.clear)
        while partial.size < size:
            call = get_file(self.path, version=self.version, start=partial.size, etag=status.etag)
            answer = yield from open_answer(call, retries)
            now = parse_status(self.path, answer)
            if now.etag != status.etag:
                return now
            first = parse_first(answer)
            if first == 0 and partial.size:
                yield Run(partial.clear)
            elif first != partial.size:
                raise MalformedAnswerError("malformed_answer", "The server sends another part than was asked for.")
            try:
                yield from self._receive(partial, size, retries)
            except UnreachableError as problem:
                delay = retries.decide(call, problem)
                if delay is None:
                    raise
                yield Sleep(delay)
        return None

    def _receive(self, partial: PartialFile, size: int, retries: Retries) -> Flow[None]:
        while block := (yield Read()):
            if partial.size + len(block) > size:
                raise DamagedError("digest_mismatch", f"More has arrived of {self.path!r} than the server keeps.")
            yield Run(call_with(partial.write, block))
            self.transferred += len(block)
            retries.succeed()
            if self.progress is not None:
                self.progress(partial.size)
        if partial.size < size:
            raise UnreachableError("connection_lost", f"Of {self.path!r} not all has come.", begun=True)

    def _conclude(self, status: Status) -> Downloaded:
        return Downloaded(
            path=os.fspath(self.destination),
            size=status.size or 0,
            etag=status.etag or "",
            transferred=self.transferred,
            verified=status.sha256 is not None,
        )


def read_pieces(
    path: str, policy: RetryPolicy, *, version: int | None = None, start: int = 0, stop: int | None = None
) -> Flow[None]:
    """
    Hand on the bytes of a file from ``start`` on and before ``stop``, as they come.

    They are those of one content: where the connection is cut, it goes on if the file is still the same.

    :raises ChangedError: it is another one by then.
    """
    retries, etag, place = Retries(policy), None, start
    while True:
        call = get_file(path, version=version, start=place, stop=stop, etag=etag)
        answer: Answer = yield from open_answer(call, retries)
        now = parse_status(path, answer)
        if etag not in {None, now.etag} or parse_first(answer) != place:
            raise ChangedError("file_changed", f"{path!r} has been replaced while it was read.")
        etag = now.etag
        try:
            while block := (yield Read()):
                place += len(block)
                retries.succeed()
                yield Emit(block)
        except UnreachableError as problem:
            delay = retries.decide(call, problem)
            if delay is None:
                raise
            yield Sleep(delay)
        else:
            return
