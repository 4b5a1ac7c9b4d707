"""Every setting has a variable, and its text means what its type makes of it."""

from __future__ import annotations

import json
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from attrs import NOTHING, Factory, define, field
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import structure
from cloudsvc.settings.environment import decode
from cloudsvc.settings.leaves import find_leaves
from cloudsvc.settings.model import Settings


class Colour(Enum):
    RED = "red"


TYPES: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.integers()),
    (float, st.floats(allow_nan=False, allow_infinity=False)),
    (bool, st.booleans()),
    (int | None, st.integers() | st.none()),
    (Annotated[int, Meta(ge=0)] | None, st.integers(min_value=0) | st.none()),
    (tuple[str, ...], st.lists(st.text())),
    (list[int], st.lists(st.integers())),
    (dict[str, int], st.dictionaries(st.text(), st.integers())),
    (list[int] | None, st.lists(st.integers()) | st.none()),
]


@pytest.mark.parametrize(("target", "values"), TYPES)
def test_the_json_of_a_value_decodes_to_the_value(target: Any, values: st.SearchStrategy[Any]) -> None:
    @given(values)
    def check(value: Any) -> None:
        assert decode(json.dumps(value), target) == value

    check()


@given(st.text())
def test_text_for_a_string_stays_as_it_is(text: str) -> None:
    assert decode(text, str) == text
    assert decode(text, Annotated[str, Meta(min_length=1)]) == text
    assert decode(text, Secret) == text


@pytest.mark.parametrize(
    ("text", "target", "value"),
    [
        ("null", str, "null"),
        ("null", str | None, None),
        ("null", Secret | None, None),
        ("null", int | None, None),
        ("5", str | None, "5"),
        ("5", int | str, 5),
        ("five", int | str, "five"),
        ("red", Colour, "red"),
        ("fast", Literal["fast", "slow"], "fast"),
        ("5", Literal[5, 6], 5),
        ("[" * 100_000, list[int], "[" * 100_000),
    ],
)
def test_what_text_means(text: str, target: Any, value: object) -> None:
    assert decode(text, target) == value


def test_every_setting_has_a_variable_of_its_own() -> None:
    leaves = list(find_leaves(Settings))
    assert len({leaf.variable for leaf in leaves}) == len(leaves) > 50
    assert {leaf.name: leaf.variable for leaf in leaves}["server.port"] == "CLOUDSVC__SERVER__PORT"


@pytest.mark.parametrize("leaf", list(find_leaves(Settings)), ids=lambda leaf: leaf.name)
def test_every_setting_can_be_set_to_its_default_by_its_variable(leaf: Any) -> None:
    default = leaf.default.reveal() if isinstance(leaf.default, Secret) else leaf.default
    text = default if isinstance(default, str) else json.dumps(default)
    assert structure(decode(text, leaf.type), leaf.type, path="x") == leaf.default


def test_a_default_that_depends_on_other_settings_is_not_known_before_them() -> None:
    @define
    class Section:
        first: int = 1
        second: int = field(default=Factory(lambda self: self.first, takes_self=True))

    first, second = find_leaves(Section, "section")
    assert first.default == 1
    assert second.default is NOTHING
