"""The credential sources of applications, and what is wrong with some."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock

from cloudsvc import extend
from cloudsvc.core.errors import OperatorError
from cloudsvc.extend import Application, CredentialSource, NoSettings
from cloudsvc.server.extensions import collect_sources
from tests.support.coroutines import finish
from tests.support.credential_sources import Tickets
from tests.support.heads import Head, make_head

GUIDE = Path(__file__).parents[2] / "docs" / "extending.md"


def make(name: str, offer: Callable[[], Sequence[Any]]) -> Application[NoSettings]:
    class Shop(Application[NoSettings]):
        def credential_sources(self) -> Sequence[CredentialSource]:
            return offer()

    Shop.name = name
    return Shop(NoSettings(), cast("Any", None))  # it needs no tools


class Passes(Tickets):
    name = "pass"


class Misnamed(Tickets):
    name = "My ticket"


class Bearers(Tickets):
    name = "bearer"


def test_they_keep_the_order_of_the_configuration() -> None:
    first, second, third = Tickets(), Passes(), make("empty", tuple)
    found = collect_sources([third, make("shop", lambda: [second]), make("fair", lambda: [first])])
    assert found == (second, first)


@pytest.mark.parametrize(
    ("offer", "line"),
    [
        (lambda: [object()], "must be a cloudsvc.extend.CredentialSource whose name is a lower-case identifier"),
        (lambda: [Misnamed()], "must be a cloudsvc.extend.CredentialSource whose name is a lower-case identifier"),
        (lambda: [Bearers()], "its credential source is named 'bearer' like one of the server; give it another name"),
        (lambda: [Tickets(), Tickets()], "its credential source is named 'ticket' like one of shop; give it another"),
        (lambda: 1 // 0, "the credential sources of application shop cannot be made: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(offer: Callable[[], Any], line: str) -> None:
    with pytest.raises(OperatorError) as caught:
        collect_sources([make("shop", offer)])
    (said,) = caught.value.lines
    assert line in said
    assert "\n" not in said


class Office:
    """What the guide looks its tickets up in."""

    async def look_up(self, credential: bytes) -> extend.Principal | None:
        actor = extend.Actor(name="ada", scopes=frozenset())
        return extend.Principal(actor=actor, via="ticket") if credential == b"1" else None


def test_the_one_that_the_guide_shows_works() -> None:
    (text,) = re.findall(r"```python\n(class Tickets.+?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {**vars(extend), "Office": Office, "IReactorTime": IReactorTime}
    exec(text, names)  # noqa: S102  # it is the project's own
    tickets = names["Tickets"](Office(), Clock())
    assert collect_sources([make("shop", lambda: [tickets])]) == (tickets,)
    head = make_head((b"X-Ticket", b"1"))
    assert tickets.find(make_head()) is None
    assert tickets.find(head) == b"1"
    assert finish(tickets.identify(b"2", head)) is None
    found = finish(tickets.identify(b"1", head))
    assert tickets.identify(b"1", head) == found, "known, it is said at once"
    assert tickets.challenge(Head(uri=b"/api/shop/seats?a")) == b'Ticket realm="shop"'
    assert tickets.challenge(Head(uri=b"/api/files")) is None
