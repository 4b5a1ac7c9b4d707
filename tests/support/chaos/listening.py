"""A client of the product's own feed: Server-Sent Events by way of the balancer, resumed again and again."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from typing import Final

from attrs import define

from tests.support.chaos.feed import Reader
from tests.support.event_streams import Refused, Stream, begin_stream
from tests.support.server import PATIENCE

_SILENCE_SECONDS: Final = 5.0
"""After which it comes again, though nothing was wrong: so there are many resumptions in a run."""

_PAUSE: Final = 0.2


@define(eq=False)
class Listener:
    """
    Hears of every change once and in order, whichever node it is connected to, and whatever becomes of that.

    :ivar reader: what it has heard.
    """

    reader: Reader
    connect: Callable[[], HTTPConnection]
    token: str
    _last_id: str = ""

    def listen(self, is_over: Callable[[], bool]) -> None:
        """Follow until it is over; that is looked at with each change, and where there is none for some seconds."""
        while not is_over():
            connection = self.connect()
            connection.timeout = _SILENCE_SECONDS
            try:
                since = "" if self._last_id else self._find_beginning(connection)
                self._hear(begin_stream(connection, self.token, last_id=self._last_id, since=since), is_over)
            except Refused as refused:
                if refused.reply.status in {400, 404, 410}:
                    self.reader.faults.append(f"{self.reader.name}: {refused} after {self._last_id}")
                    return
            except (OSError, HTTPException, ValueError, KeyError):
                # Whatever has happened to the node or the line, it goes on from where it was.
                pass
            finally:
                connection.close()
            time.sleep(_PAUSE)

    def finish(self, last: int) -> None:
        """Hear of everything up to the change ``last``, now that nothing is wrong any more; or note that it cannot."""
        end = time.monotonic() + PATIENCE
        self.listen(lambda: self.reader.last >= last or time.monotonic() > end)
        if self.reader.last < last:
            self.reader.faults.append(f"{self.reader.name} has heard of {self.reader.last} changes, not of {last}")

    def _find_beginning(self, connection: HTTPConnection) -> str:
        connection.request("GET", "/api/changes", headers={"X-API-Key": self.token})
        position: str = json.loads(connection.getresponse().read())["position"]
        return f"{position.rpartition('-')[0]}-0"

    def _hear(self, stream: Stream, is_over: Callable[[], bool]) -> None:
        for change in stream.read_changes():
            epoch, _, number = change["id"].rpartition("-")
            note = {name: change[name] for name in ("kind", "path", "source", "is_folder")}
            self.reader.read({"epoch": epoch, "items": [{"number": int(number), **note}]})
            self._last_id = change["id"]
            if is_over():
                return
