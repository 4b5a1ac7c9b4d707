"""Lists: entry by entry, page after page as they are wanted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from cloudsvc.client.calls import find_file, list_folder
from cloudsvc.client.effects import Call, Emit, Flow
from cloudsvc.client.errors import MalformedAnswerError, NotFoundError
from cloudsvc.client.paths import child_name
from cloudsvc.client.retrying import RetryPolicy, ask
from cloudsvc.client.values import NodePage, Status


class _Page(Protocol):
    @property
    def cursor(self) -> str | None: ...


def list_all(
    call: Callable[[str | None], Call[Any]], entries: Callable[[Any], Sequence[object]], policy: RetryPolicy
) -> Flow[None]:
    """
    Hand on each of the ``entries`` of all pages that ``call`` gives, with the cursor of the one before.

    :raises MalformedAnswerError: a cursor leads to itself.
    """
    cursor: str | None = None
    while True:
        page: _Page = yield from ask(call(cursor), policy)
        for entry in entries(page):
            yield Emit(entry)
        if page.cursor is None:
            return
        if page.cursor == cursor:
            raise MalformedAnswerError("malformed_answer", "A page of a list leads to itself.")
        cursor = page.cursor


def list_children(path: str, policy: RetryPolicy) -> Flow[None]:
    """
    Hand on what is directly in a folder, by name.

    :raises MalformedAnswerError: the server lists something that is elsewhere.
    """

    def check(page: NodePage) -> Sequence[object]:
        for child in page.children:
            child_name(path, child.path)
        return page.children

    return (yield from list_all(lambda cursor: list_folder(path, cursor), check, policy))


def find(path: str, policy: RetryPolicy) -> Flow[Status]:
    """
    What is at ``path``: a file, or a folder, which the root (the empty path) is.

    :raises NotFoundError: nothing.
    """
    if path:
        try:
            return (yield from ask(find_file(path), policy))
        except NotFoundError:
            pass  # as a file
    yield from ask(list_folder(path, limit=1), policy)
    return Status(path=path, kind="folder")
