"""A writer's turn is divided into what a group takes and what each of its files does."""

from __future__ import annotations

import pytest

from bench.scale.turns import divide_turn


def test_it_is_the_line_through_a_file_alone_and_a_group() -> None:
    turn = divide_turn(alone_us=5_500, together_us=5_000 + 32 * 500, together=32, node_us=200, database_us=100)
    assert turn.group_ms == pytest.approx(5)
    assert turn.file_us == pytest.approx(500)
    assert turn.files_per_second == pytest.approx(32 / 0.021)


def test_a_group_takes_no_less_than_nothing() -> None:
    turn = divide_turn(alone_us=500, together_us=32_000, together=32, node_us=200, database_us=100)
    assert turn.group_ms == 0
    turn = divide_turn(alone_us=5_000, together_us=4_000, together=32, node_us=200, database_us=100)
    assert (turn.file_us, turn.group_ms) == (0, 5)
