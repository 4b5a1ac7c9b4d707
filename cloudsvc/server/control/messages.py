"""Messages between the supervisor and a worker. Nothing of them is ever logged: one holds a key."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.msgpack import Decoder, Encoder

from cloudsvc.observe.merging import Family


class Orders(Struct, tag="orders", frozen=True, kw_only=True):
    """
    What a worker is to do; the first message that it gets.

    :ivar number: of this worker, from 1.
    :ivar workers: how many there are to be.
    :ivar home: directory of the server.
    :ivar endpoints: descriptions of what was bound.
    :ivar sockets: descriptors of what was bound: for each address those of all workers, or one for all.
    :ivar reactor: module of the reactor that the host program has chosen.
    :ivar owns_console: whether the server logs to standard output.
    :ivar windows: descriptor of the memory in which requests are counted.
    :ivar connections: descriptor of the memory in which workers tell how many connections they have open.
    :ivar place: of this worker there, from 0, among ``places``; no other that lives has it.
    :ivar key: secret, for what is in memory that workers share.
    :ivar patience: seconds after which a worker that says nothing counts as hanging.
    """

    number: int
    workers: int
    home: str
    endpoints: tuple[str, ...]
    sockets: tuple[tuple[int, ...], ...]
    reactor: str
    owns_console: bool
    patience: float
    windows: int
    connections: int
    place: int
    places: int
    key: bytes

    def __repr__(self) -> str:
        return f"Orders(number={self.number}, workers={self.workers})"  # never the key


class Ready(Struct, tag="ready", frozen=True):
    """A worker answers requests."""


class Alive(Struct, tag="alive", frozen=True):
    """The reactor of a worker turns."""


class Retire(Struct, tag="retire", frozen=True):
    """A worker accepts nothing more, lets its clients go with the next answer, and ends."""


class Crew(Struct, tag="crew", frozen=True, kw_only=True):
    """
    How the workers do, as all of them are told whenever that changes.

    :ivar ready: how many answer requests.
    :ivar covered: places, from 0, of workers that do not, so that the others accept in their stead.
    """

    ready: int
    covered: tuple[int, ...]


class Collect(Struct, tag="collect", frozen=True):
    """The supervisor wants to know what a worker has counted."""

    number: int


class Counts(Struct, tag="counts", frozen=True):
    """
    What a worker has counted so far.

    :ivar number: of the question, or 0 where nobody has asked: it is about to end, and waits until this is noted.
    """

    number: int
    families: list[Family]


class Noted(Struct, tag="noted", frozen=True):
    """The last counts of a worker are known."""


class Ask(Struct, tag="ask", frozen=True):
    """A worker wants to know what all have counted."""

    number: int


class Answer(Struct, tag="answer", frozen=True):
    """The metrics of all, to the question of this number."""

    number: int
    content_type: bytes
    body: bytes


Message: TypeAlias = Orders | Ready | Alive | Retire | Crew | Collect | Counts | Noted | Ask | Answer

LONGEST: Final = 2**24
"""Bytes of a message."""

encode: Final = Encoder().encode
decode: Final = Decoder(Message).decode
