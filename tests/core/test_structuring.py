"""Plain data to typed values: strict, nothing coerced, every fault listed with its path."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal

import pytest
from attrs import Attribute, field, frozen
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import Check, StructureFaults, structure, suggest, unstructure


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def refuse_odd(value: int) -> None:
    if value % 2:
        raise ValueError(f"{value} is odd; use an even number")


@frozen(kw_only=True)
class Limit:
    enabled: bool = True
    count: Annotated[int, Meta(ge=1, le=10, description="How many.")] = 5
    ratio: float = 0.5
    even: Annotated[int, Meta(le=100), Check(refuse_odd)] = 2


@frozen(kw_only=True)
class Shape:
    name: str
    limit: Limit = Limit()
    mode: Literal["fast", "slow"] = "fast"
    colour: Colour = Colour.RED
    tags: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=3)] = ()
    sizes: Mapping[str, int] = field(factory=dict)
    indent: Annotated[int, Meta(ge=0)] | None = None
    secret: Secret | None = None
    low: int = 0
    high: int = field(default=10)

    @high.validator
    def _above_low(self, _: Attribute[int], value: int) -> None:
        if value < self.low:
            raise ValueError("high must not be below low")


def faults_of(value: object, target: type[Any] = Shape) -> tuple[str, ...]:
    with pytest.raises(StructureFaults) as caught:
        structure(value, target, path="config")
    return caught.value.lines


def test_a_complete_object_becomes_typed() -> None:
    shape = structure(
        {
            "name": "x",
            "limit": {"enabled": False, "count": 10, "ratio": 2},
            "mode": "slow",
            "colour": "blue",
            "tags": ["a", "b"],
            "sizes": {"a": 1},
            "indent": None,
            "secret": "hidden",
        },
        Shape,
        path="config",
    )
    assert shape == Shape(
        name="x",
        limit=Limit(enabled=False, count=10, ratio=2.0),
        mode="slow",
        colour=Colour.BLUE,
        tags=("a", "b"),
        sizes={"a": 1},
        secret=Secret("hidden"),
    )
    assert type(shape.limit.ratio) is float


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ({"limit": {"enabled": "false"}}, "config.limit.enabled: expected bool, got 'false'"),
        ({"limit": {"enabled": 1}}, "config.limit.enabled: expected bool, got 1"),
        ({"limit": {"count": True}}, "config.limit.count: expected int, got True"),
        ({"limit": {"count": "5"}}, "config.limit.count: expected int, got '5'"),
        ({"limit": {"count": 5.0}}, "config.limit.count: expected int, got 5.0"),
        ({"limit": {"count": 0}}, "config.limit.count: expected int >= 1, got 0"),
        ({"limit": {"count": 11}}, "config.limit.count: expected int <= 10, got 11"),
        ({"limit": {"ratio": True}}, "config.limit.ratio: expected float, got True"),
        ({"limit": {"even": 3}}, "config.limit.even: 3 is odd; use an even number"),
        ({"limit": {"even": 101}}, "config.limit.even: expected int <= 100, got 101"),
        ({"limit": None}, "config.limit: expected object, got null"),
        ({"limit": "enabled"}, "config.limit: expected object, got 'enabled'"),
        ({"limit": ["enabled"]}, "config.limit: expected object, got an array"),
        ({"name": 5}, "config.name: expected str, got 5"),
        ({"name": None}, "config.name: expected str, got null"),
        ({"mode": "medium"}, "config.mode: expected one of 'fast', 'slow', got 'medium'"),
        ({"mode": 5}, "config.mode: expected str, got 5"),
        ({"colour": "green"}, "config.colour: expected one of 'red', 'blue', got 'green'"),
        ({"tags": "abc"}, "config.tags: expected array, got 'abc'"),
        ({"tags": {"a": 1}}, "config.tags: expected array, got an object"),
        ({"tags": ["a"] * 4}, "config.tags: expected array of length <= 3, got an array"),
        ({"tags": ["a", ""]}, "config.tags[1]: expected str of length >= 1, got ''"),
        ({"sizes": []}, "config.sizes: expected object, got an array"),
        ({"sizes": {"a": "1"}}, "config.sizes.a: expected int, got '1'"),
        ({"sizes": {"a b": "1"}}, "config.sizes['a b']: expected int, got '1'"),
        ({"indent": "2"}, "config.indent: expected int | null, got '2'"),
        ({"indent": -1}, "config.indent: expected int >= 0, got -1"),
        ({"secret": 5}, "config.secret: expected str, got int"),
        ({"low": 11}, "config: high must not be below low"),
        ({"limt": {}}, "config.limt: unknown key; did you mean 'limit'?"),
        ({"zzz": {}}, "config.zzz: unknown key"),
        ({"a\nb": {}}, "config['a\\nb']: unknown key"),
    ],
)
def test_a_fault_names_its_path_and_what_was_expected(value: dict[str, object], line: str) -> None:
    assert faults_of({"name": "x"} | value) == (line,)


def test_all_faults_are_listed_at_once() -> None:
    assert set(faults_of({"limit": {"enabled": 0, "count": 0, "cuont": 1}, "tags": [1, "", "x"], "extra": 1})) == {
        "config.name: missing",
        "config.limit.enabled: expected bool, got 0",
        "config.limit.count: expected int >= 1, got 0",
        "config.limit.cuont: unknown key; did you mean 'count'?",
        "config.tags[0]: expected str, got 1",
        "config.tags[1]: expected str of length >= 1, got ''",
        "config.extra: unknown key",
    }


def test_a_long_value_is_shortened() -> None:
    (line,) = faults_of({"name": "x", "limit": "y" * 10_000})
    assert len(line) < 150


def test_a_secret_appears_in_no_fault() -> None:
    lines = faults_of({"name": "x", "secret": ["hunter2"], "limit": {"count": 0}})
    assert "hunter2" not in "".join(lines)


def test_a_number_beyond_float_is_a_fault() -> None:
    assert len(faults_of({"name": "x", "limit": {"ratio": 10**400}})) == 1


def test_an_error_that_is_no_fault_of_the_data_is_not_hidden() -> None:
    def break_down(value: int) -> None:
        raise RuntimeError(value)

    with pytest.raises((RuntimeError, ExceptionGroup)):
        structure(1, Annotated[int, Check(break_down)], path="x")  # type: ignore[arg-type]  # a special form


def test_other_targets_than_classes() -> None:
    assert structure([{"count": 1}], list[Limit], path="body") == [Limit(count=1)]
    assert structure(["a"], frozenset[str], path="body") == frozenset({"a"})
    assert structure({"a": ["b"]}, dict[str, tuple[str, ...]], path="body") == {"a": ("b",)}


class Text(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


def test_enumerations_of_scalars_take_their_members_only() -> None:
    assert structure("a", Text, path="body") is Text.A
    assert structure([1], list[Number], path="body") == [Number.ONE]
    assert faults_of("b", Text) == ("config: expected one of 'a', got 'b'",)
    assert faults_of(2, Number) == ("config: expected one of 1, got 2",)


@pytest.mark.parametrize(("name", "hint"), [("prot", "; did you mean 'port'?"), ("zzz", "")])
def test_suggestions(name: str, hint: str) -> None:
    assert suggest(name, ["host", "port"]) == hint


def test_unstructure_gives_plain_data_and_masks_secrets() -> None:
    plain = unstructure(Shape(name="x", colour=Colour.BLUE, tags=("a",), secret=Secret("hunter2")))
    assert plain["limit"] == {"enabled": True, "count": 5, "ratio": 0.5, "even": 2}
    assert (plain["colour"], list(plain["tags"])) == ("blue", ["a"])
    assert "hunter2" not in repr(plain)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
keys = st.sampled_from(["name", "limit", "mode", "colour", "tags", "sizes", "indent", "secret", "enabled", "count"])


@given(json_values | st.dictionaries(keys, json_values | st.dictionaries(keys, json_values)))
def test_whatever_comes_in_either_fits_or_is_refused_with_its_faults(value: object) -> None:
    lines: tuple[str, ...] = ()
    shape = None
    try:
        shape = structure(value, Shape, path="config")
    except StructureFaults as faults:
        lines = faults.lines
    assert bool(lines) != isinstance(shape, Shape)
    assert all(line.startswith("config") and line.isprintable() for line in lines)


@given(
    st.builds(
        Limit,
        enabled=st.booleans(),
        count=st.integers(1, 10),
        ratio=st.floats(allow_nan=False),
        even=st.integers(-50, 50).map(lambda number: number * 2),
    )
)
def test_what_was_unstructured_structures_back(limit: Limit) -> None:
    assert structure(unstructure(limit), Limit, path="config") == limit
