"""An application that takes every kind of input there is, so that description and parsing can be compared."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from attrs import frozen
from msgspec import Meta

from cloudsvc.extend import (
    NO_CONTENT,
    Application,
    Klein,
    Message,
    NoSettings,
    Request,
    Response,
    accepts_body,
    accepts_json,
    accepts_query,
    authorized,
    route,
    throttled,
)

NAME = "tests.support.inputs_application:Shelf"
"""What ``config.applications`` calls it."""


class Order(StrEnum):
    """How a listing is sorted."""

    NAME = "name"
    AGE = "age"


@frozen(kw_only=True)
class Selection:
    """
    Which books to list.

    :ivar subject: may be given several times.
    """

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    least: float | None = None
    order: Order = Order.NAME
    subject: Annotated[tuple[Annotated[str, Meta(max_length=20)], ...], Meta(max_length=5)] = ()
    lent: bool = False


@frozen(kw_only=True)
class Author:
    """Who wrote it."""

    name: Annotated[str, Meta(min_length=1)]
    born: int | None = None


@frozen(kw_only=True)
class Book:
    """A book with all that is known of it."""

    title: Annotated[str, Meta(min_length=1, max_length=100)]
    authors: Annotated[list[Author], Meta(min_length=1)]
    order: Order = Order.AGE
    prices: Annotated[dict[str, Annotated[float, Meta(ge=0)]] | None, Meta(description="By currency.")] = None


@frozen(kw_only=True)
class BookMessage(Message):
    """A book, and what it was told."""

    title: str
    authors: tuple[str, ...]


@frozen(kw_only=True)
class SelectionMessage(Message):
    """What was selected."""

    limit: int
    order: Order
    subject: tuple[str, ...]


class Shelf(Application[NoSettings]):
    """Books."""

    name = "shelf"
    mounts = ("books", "paths", "volumes")
    app = Klein()

    @route(app, "GET", "/books")
    @authorized("books")
    @throttled("api")
    @accepts_query(Selection)
    async def select(self, request: Request, query: Selection) -> SelectionMessage:
        """List books."""
        return SelectionMessage(message="selected", limit=query.limit, order=query.order, subject=query.subject)

    @route(app, "POST", "/books", status=201)
    @authorized("books")
    @throttled("api")
    @accepts_json(Book)
    async def add(self, request: Request, body: Book) -> BookMessage:
        """Add a book."""
        return BookMessage(message="added", title=body.title, authors=tuple(author.name for author in body.authors))

    @route(app, "GET", "/books/<int:number>")
    async def number(self, request: Request, number: int) -> Message:
        """Give the book of a number."""
        return Message(message=str(number))

    @route(app, ("PUT", "DELETE"), "/volumes/<uuid:identity>", status=204)
    @authorized()
    async def replace(self, request: Request, identity: UUID) -> Response:
        """Replace a book, or remove it."""
        return NO_CONTENT

    @route(app, "PUT", "/paths/<path:name>/content")
    @authorized()
    @accepts_body("application/octet-stream", limit=1000)
    async def write(self, request: Request, name: str) -> Message:
        """Write the content of a path."""
        content = [piece async for piece in request.body]
        return Message(message=f"{sum(map(len, content))} bytes")
