"""Model of a drive: the same rules on a plain dictionary, to compare a real one with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import define, evolve, field, frozen

from tests.support.opened_drives import GENEROUS

LIMITS = evolve(GENEROUS, versions=3, tags=2)


@define(eq=False)
class Token:
    """Stands for what a real drive calls something: a validator, or the id of an entry in the trash."""


Binding: TypeAlias = dict[Token, Any]
"""What a real drive calls what the tokens stand for."""


class Refused(Exception):  # noqa: N818  # what is expected of the real drive
    """The code with which something is refused."""


@frozen
class Content:
    """A file: its tags, and its versions with the newest first."""

    tags: tuple[str, ...]
    versions: tuple[tuple[Token, bytes], ...]

    @property
    def token(self) -> Token:
        """The current version."""
        return self.versions[0][0]

    def add(self, content: bytes) -> Content:
        """The file with a new version."""
        return evolve(self, versions=((Token(), content), *self.versions)[: LIMITS.versions])


Node: TypeAlias = Content | None
"""A file, or a folder."""


@frozen(eq=False)
class Entry:
    """What one deletion put into the trash, by paths below ``path``; it has the empty one itself."""

    token: Token
    path: str
    nodes: Mapping[str, Node]


@frozen
class Demand:
    """A condition on what is at a path."""

    absent: bool = False
    present: bool = False
    tokens: frozenset[Token] | None = None
    excluded: frozenset[Token] = frozenset()

    def check(self, node: Node, *, is_folder: bool = False) -> None:
        """See that it holds of a file, or of a folder; without either, of nothing."""
        if node is None and not is_folder:
            refuse_if(self.present or self.tokens is not None, "precondition_failed")
            return
        token = node and node.token
        refuse_if(self.absent, "precondition_failed")
        refuse_if(self.tokens is not None and token not in self.tokens, "precondition_failed")
        refuse_if(token in self.excluded, "precondition_failed")


ALWAYS = Demand()


@define
class Model:
    """Everything that a drive holds, by its path; the root is not among it."""

    nodes: dict[str, Node] = field(factory=dict)
    trash: list[Entry] = field(factory=list)

    def copy(self) -> Model:
        """The same, to go on from."""
        return Model(dict(self.nodes), list(self.trash))

    def observe(self) -> Any:
        """What :func:`tests.support.drive_model.operations.observe` should see."""
        nodes = {path: node and (node.tags, list(node.versions)) for path, node in sorted(self.nodes.items())}
        return nodes, [(entry.token, entry.path, entry.nodes[""] is None) for entry in self.trash[::-1]]

    def versions(self, *, current: bool) -> list[Token]:
        """All current versions of files outside the trash, or all superseded ones anywhere."""
        if current:
            return [node.token for node in self.nodes.values() if node]
        everywhere = [*self.nodes.values(), *(node for entry in self.trash for node in entry.nodes.values())]
        return [token for node in everywhere if node for token, _ in node.versions[1:]]

    # -- what operations are made of -----------------------------------------------------------------------------

    def below(self, path: str) -> Iterator[str]:
        """What is at and below ``path``."""
        return (each for each in [*self.nodes] if each == path or each.startswith(f"{path}/") or not path)

    def locate(self, path: str, kind: str | None = None) -> Node:
        """What is at ``path``; refused where it is not there, or of another kind."""
        missing = path not in self.nodes if path else False
        node = self.nodes.get(path)
        wrong = (kind == "file" and node is None) or (kind == "folder" and node is not None)
        refuse_if(missing or wrong, f"{kind}_not_found" if kind else "not_found")
        return node

    def locate_file(self, path: str) -> Content:
        """The file at ``path``; refused where there is none."""
        node = self.nodes.get(path)
        if node is None:
            raise Refused("file_not_found")
        return node

    def open_place(self, path: str) -> None:
        """Make the folders above ``path``."""
        refuse_if(not path, "root_immutable")
        for above in parents(path):
            refuse_if(self.nodes.setdefault(above, None) is not None, "is_file")

    def claim_place(self, path: str, mover: str | None = None) -> None:
        """As :meth:`open_place`, for something that must not be there yet."""
        self.open_place(path)
        refuse_if(path in self.nodes and path != mover, "already_exists")

    def take(self, path: str) -> dict[str, Node]:
        """Remove what is at and below ``path``."""
        return {each[len(path) :]: self.nodes.pop(each) for each in self.below(path)}

    def put(self, path: str, nodes: Mapping[str, Node]) -> None:
        """Add it again elsewhere."""
        self.nodes.update({path + each: node for each, node in nodes.items()})

    def find_entry(self, token: Token) -> Entry:
        """An entry of the trash."""
        found = [entry for entry in self.trash if entry.token is token]
        refuse_if(not found, "trash_entry_not_found")
        return found[0]


def parents(path: str) -> Sequence[str]:
    """The folders above ``path``, from the top down, without the root."""
    names = path.split("/")
    return ["/".join(names[:depth]) for depth in range(1, len(names))]


def refuse_if(happens: bool, code: str) -> None:  # noqa: FBT001  # it reads as it is spoken
    """Refuse with ``code`` if something ``happens``."""
    if happens:
        raise Refused(code)


def unify(expected: Any, actual: Any, binding: Binding) -> bool:
    """
    Whether ``actual`` is what was ``expected``, where tokens stand for what is not known yet.

    What a token is found to stand for is added to ``binding``; two never stand for the same.
    """
    if isinstance(expected, Token):
        if expected in binding:
            return bool(binding[expected] == actual)
        if actual in binding.values():
            return False
        binding[expected] = actual
        return True
    if isinstance(expected, dict):
        return [*expected] == [*actual] and all(unify(expected[each], actual[each], binding) for each in expected)
    if isinstance(expected, list | tuple):
        return len(expected) == len(actual) and all(map(unify, expected, actual, [binding] * len(expected)))
    return bool(expected == actual)
