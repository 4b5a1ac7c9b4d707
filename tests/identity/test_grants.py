"""Grants in common, held against an evaluation of every right on every node."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.actors import MAX_GRANTS, ROOT_FOLDER, Actor, Grant, Role
from cloudsvc.drive.permissions import RIGHTS, Right, is_permitted
from cloudsvc.identity.bounds import MAX_GROUP_GRANTS, MAX_KEY_GRANTS, MAX_USER_GRANTS, MAX_USER_GROUPS
from cloudsvc.identity.grants import find_folders, is_included, meet_grants, meet_roles, tidy
from tests.support.identity_stores import grant

MOST = 12
"""Nodes of a tree."""

Tree = dict[int, tuple[int, ...]]
"""Nodes with their chains. The first is the root; some are not in the tree."""


@st.composite
def draw_trees(draw: st.DrawFn) -> Tree:
    chains: Tree = {ROOT_FOLDER: (ROOT_FOLDER,)}
    for node in range(2, MOST):
        above = draw(st.sampled_from([*chains, None]))
        if above is not None:
            chains[node] = (*chains[above], node)
    return chains


GRANTS = st.lists(st.builds(Grant, role=st.sampled_from(Role), folder=st.integers(1, MOST)), max_size=5)


def act(grants: list[Grant] | tuple[Grant, ...]) -> Actor:
    return Actor(name="somebody", scopes=frozenset(), grants=tuple(grants))


def list_rights(grants: list[Grant] | tuple[Grant, ...], tree: Tree) -> set[tuple[Right, int]]:
    """Every right on every node, one by one."""
    return {(right, node) for right, node in product(Right, tree) if is_permitted(act(grants), right, tree[node])}


@given(draw_trees(), GRANTS, GRANTS)
def test_what_two_have_in_common_is_what_both_may(tree: Tree, first: list[Grant], second: list[Grant]) -> None:
    asked = find_folders(first, second)
    chains = {folder: chain for folder, chain in tree.items() if folder in asked}
    met = meet_grants(first, second, chains)
    assert list_rights(met, tree) == list_rights(first, tree) & list_rights(second, tree)
    assert met == meet_grants(second, first, chains)


@given(draw_trees(), GRANTS, GRANTS, GRANTS)
def test_it_never_grows(tree: Tree, first: list[Grant], second: list[Grant], third: list[Grant]) -> None:
    """Whatever is given to one side, or taken from it, the other one is never exceeded."""
    more = list_rights(meet_grants([*first, *third], second, tree), tree)
    assert list_rights(meet_grants(first, second, tree), tree) <= more <= list_rights(second, tree)


@given(draw_trees(), GRANTS, st.builds(Grant, role=st.sampled_from(Role), folder=st.integers(1, MOST)))
def test_what_is_included_adds_nothing(tree: Tree, held: list[Grant], wanted: Grant) -> None:
    rights = list_rights(held, tree)
    if is_included(wanted, held, tree):
        assert list_rights([wanted], tree) <= rights
    elif wanted.folder in tree:
        assert not list_rights([wanted], tree) <= rights


@given(draw_trees(), GRANTS)
def test_tidying_changes_nothing(tree: Tree, grants: list[Grant]) -> None:
    tidied = tidy(grants)
    assert list_rights(tidied, tree) == list_rights(grants, tree)
    assert tidy(tidied) == tidied
    assert len(tidied) <= 2 * len({each.folder for each in grants})


def test_two_roles_allow_together_what_one_role_does() -> None:
    for first, second in product(Role, repeat=2):
        met = meet_roles(first, second)
        assert RIGHTS[first] & RIGHTS[second] == (frozenset() if met is None else RIGHTS[met])


def test_what_is_granted_on_what_is_not_there_is_nothing() -> None:
    first, second = [grant(Role.EDITOR, 5)], [grant(Role.EDITOR, 7)]
    assert meet_grants(first, second, {5: (1, 7, 5)}) == (grant(Role.EDITOR, 5),)
    assert meet_grants(first, second, {}) == ()


def test_of_the_root_nothing_has_to_be_known() -> None:
    everything, some = [grant(Role.MANAGER, ROOT_FOLDER)], [grant(Role.VIEWER, 5), grant(Role.EDITOR, 7)]
    assert find_folders(everything, some) == frozenset()
    assert find_folders(some, everything) == frozenset()
    assert meet_grants(some, everything, {}) == tuple(some)
    assert find_folders(some, [grant(Role.VIEWER, 9)]) == {5, 7, 9}


def test_no_key_has_more_grants_than_an_actor_may() -> None:
    of_holder = MAX_USER_GRANTS + MAX_USER_GROUPS * MAX_GROUP_GRANTS
    assert 2 * (of_holder + MAX_KEY_GRANTS) <= MAX_GRANTS


@pytest.mark.parametrize("role", Role)
def test_a_grant_includes_itself_and_what_is_below(role: Role) -> None:
    chains = {5: (1, 5), 6: (1, 5, 6)}
    held = [grant(role, 5)]
    assert is_included(grant(role, 5), held, chains)
    assert is_included(grant(role, 6), held, chains)
    assert not is_included(grant(role, ROOT_FOLDER), held, chains)
    assert not is_included(grant(role, 7), held, chains)
