"""Clients of the drive, each in a thread, who ask for whatever comes to their mind."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from random import Random
from typing import Final

from attrs import define, evolve

from tests.support.chaos.asking import Known, Line, Meeting, Thrown, Wish
from tests.support.chaos.contents import digest_content, make_content, name_content
from tests.support.chaos.history import Outcome
from tests.support.chaos.linearizability import Step, Test, Value
from tests.support.server import Reply

LETTERS: Final = "abcde"
"""Names of the files of a round: few, so that clients meet."""

_NEVER: Final = 0.0
"""A step gets its begin and end from its operation."""


@define(eq=False)
class Client:
    """One of them."""

    line: Line
    meeting: Meeting
    random: Random

    @classmethod
    def make(cls, name: str, meeting: Meeting, random: Random) -> Client:
        """One with a line of its own."""
        return cls(Line(name, meeting), meeting, random)

    def work(self) -> None:
        """Until the end."""
        kinds = {
            self.put: 25,
            self.get: 30,
            self.create: 6,
            self.replace: 14,
            self.delete: 5,
            self.discard: 7,
            self.move: 7,
            self.restore: 8,
            self.list: 4,
            self.abandon: 3,
        }
        try:
            while not self.meeting.end.is_set():
                [do] = self.random.choices([*kinds], [*kinds.values()])
                do()
                self.meeting.end.wait(self.random.random() * (0.05 if self.line.is_open else 0.5))
        except BaseException as problem:
            self.meeting.faults.append(f"{self.line.client} failed: {problem!r}")
            raise
        finally:
            self.line.hang_up()

    # -- storing -------------------------------------------------------------------------------------------------

    def put(self) -> None:
        """Store something, whatever is there."""
        self._store("put", self._choose(), {}, _do())

    def create(self) -> None:
        """Store something where nothing is."""
        self._store("create", self._choose(), {"If-None-Match": "*"}, _see(None))

    def replace(self) -> None:
        """Store something in the place of what is known to be there."""
        path, known = self._choose_known()
        if known is not None:
            self._store("replace", path, {"If-Match": known.tag}, _see(known.value))

    def abandon(self) -> None:
        """Leave while something is stored."""
        value, path = self.meeting.contents.invent(self.random), self._choose()
        self.line.abandon(_make_upload("abandon", path, value, {}, _do()))

    def _store(self, kind: str, path: str, headers: Mapping[str, str], condition: Step) -> None:
        value = self.meeting.contents.invent(self.random)
        step = evolve(condition, writes=True, result=value)
        asked = self.line.ask(_make_upload(kind, path, value, headers, step))
        match asked.reply:
            case Reply(status=201 | 204 as status, headers=answered):
                if condition.test is Test.ANY:
                    step = evolve(step, test=Test.IS if status == 201 else Test.IS_NOT)
                asked.note(Outcome.DONE, (path, step))
                self.meeting.known[path] = Known(value=value, tag=answered["ETag"])
            case Reply(status=412):
                # It is not what the condition says.
                asked.note(Outcome.REFUSED, (path, _doubt(condition.operand)))
            case _:
                asked.note_failure()

    # -- reading -------------------------------------------------------------------------------------------------

    def get(self) -> None:
        """Read something."""
        self.read(self._choose())

    def read(self, path: str) -> bool:
        """Read what is at a path; whether that was told."""
        asked = self.line.ask(Wish(kind="get", path=path, method="GET", url=f"/api/files/{path}"))
        match asked.reply:
            case Reply(status=200, headers=headers, body=body):
                value = name_content(body)
                if value is None:
                    self.meeting.faults.append(f"wrong bytes, {len(body)} of them: {asked.operation}")
                    return True
                asked.note(Outcome.DONE, (path, _see(value)))
                self.meeting.known[path] = Known(value=value, tag=headers["ETag"])
                return True
            case Reply(status=404):
                asked.note(Outcome.DONE, (path, _see(None)))
                return True
        asked.note(Outcome.REFUSED)
        return False

    def list(self) -> None:
        """See what is in the folder."""
        folder = f"round-{self.meeting.round}"
        asked = self.line.ask(Wish(kind="list", path=folder, method="GET", url=f"/api/folders/{folder}"))
        match asked.reply:
            case Reply(status=200) as reply:
                found = {each["path"]: str(each["size"]) for each in reply.json["children"]}
            case Reply(status=404):
                found = {}
            case _:
                asked.note(Outcome.REFUSED)
                return
        paths = [f"{folder}/{letter}" for letter in LETTERS]
        asked.note(Outcome.DONE, *((path, _see(found.get(path))) for path in paths))

    # -- changing ------------------------------------------------------------------------------------------------

    def delete(self) -> None:
        """Throw away whatever is there."""
        path = self._choose()
        step = evolve(_doubt(None), writes=True)
        self._change(_make_deletion("delete", path, step))

    def discard(self) -> None:
        """Throw away what is known to be there."""
        path, known = self._choose_known()
        if known is None:
            return
        wish = _make_deletion("discard", path, evolve(_see(known.value), writes=True))
        reply = self._change(evolve(wish, headers={"If-Match": known.tag}), known=known)
        if reply is not None:
            self.meeting.thrown.append(Thrown(number=reply.json["trash_id"], path=path, value=known.value))

    def move(self) -> None:
        """Move what is known to be there."""
        path, known = self._choose_known()
        destination = f"{path.partition('/')[0]}/{self.random.choice(LETTERS)}"
        if known is None or path == destination:
            return
        wish = Wish(
            kind=f"move to {destination}",
            path=path,
            method="PATCH",
            url=f"/api/files/{path}",
            steps=((path, evolve(_see(known.value), writes=True)), (destination, _appear(known.value))),
            effect=("moved", destination),
            body=json.dumps({"new_filepath": destination}).encode(),
            headers={"If-Match": known.tag, "Content-Type": "application/json"},
        )
        self._change(wish, known=known, taken=destination)

    def restore(self) -> None:
        """Take something out of the trash."""
        if not self.meeting.thrown:
            return
        thrown = self.random.choice(self.meeting.thrown[-20:])
        wish = Wish(
            kind=f"restore {thrown.number}",
            path=thrown.path,
            method="POST",
            url=f"/api/trash/{thrown.number}/restore",
            steps=((thrown.path, _appear(thrown.value)),),
            effect=("restored", thrown.path),
        )
        self._change(wish, taken=thrown.path)

    def _change(self, wish: Wish, *, known: Known | None = None, taken: str | None = None) -> Reply | None:
        """
        Ask for a change; the answer where it was done.

        :param known: what is not there, as 412 says.
        :param taken: the path where something is, as 409 says.
        """
        asked = self.line.ask(wish)
        match asked.status:
            case 200 | 201 | 204:
                asked.note(Outcome.DONE, *wish.steps)
                return asked.reply
            case 404 if not wish.url.startswith("/api/trash/"):
                asked.note(Outcome.REFUSED, (wish.path, _see(None)))
            case 412 if known is not None:
                asked.note(Outcome.REFUSED, (wish.path, _doubt(known.value)))
            case 409 if taken is not None:
                asked.note(Outcome.REFUSED, (taken, _doubt(None)))
            case _:
                asked.note_failure()
        return None

    def _choose(self) -> str:
        return f"round-{self.meeting.round}/{self.random.choice(LETTERS)}"

    def _choose_known(self) -> tuple[str, Known | None]:
        path = self._choose()
        return path, self.meeting.known.get(path)


def _make_upload(kind: str, path: str, value: str, headers: Mapping[str, str], step: Step) -> Wish:
    digest = b64encode(digest_content(value)).decode()
    return Wish(
        kind=kind,
        path=path,
        method="PUT",
        url=f"/api/files/{path}",
        steps=((path, step),),
        effect=("written", path),
        value=value,
        body=make_content(value),
        headers={**headers, "Repr-Digest": f"sha-256=:{digest}:", "Content-Type": "application/x-chaos"},
    )


def _make_deletion(kind: str, path: str, step: Step) -> Wish:
    effect = ("discarded", path)
    return Wish(kind=kind, path=path, method="DELETE", url=f"/api/files/{path}", steps=((path, step),), effect=effect)


def _do() -> Step:
    return Step(begin=_NEVER, end=_NEVER)


def _see(value: Value) -> Step:
    return Step(begin=_NEVER, end=_NEVER, test=Test.IS, operand=value)


def _doubt(value: Value) -> Step:
    return Step(begin=_NEVER, end=_NEVER, test=Test.IS_NOT, operand=value)


def _appear(value: str) -> Step:
    return Step(begin=_NEVER, end=_NEVER, test=Test.IS, writes=True, result=value)
