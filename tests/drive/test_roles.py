"""Roles and the rights that they give."""

from __future__ import annotations

import pytest

from cloudsvc.core.actors import MAX_GRANTS, OWNER, ROOT_FOLDER, Role
from cloudsvc.drive.nodes import ROOT_ID
from cloudsvc.drive.permissions import RIGHTS, Right, find_folders, is_permitted, is_permitted_everywhere, is_unlimited
from tests.support.actors import make_guest


def test_every_role_has_its_rights() -> None:
    assert {role: {right.name for right in rights} for role, rights in RIGHTS.items()} == {
        Role.VIEWER: {"SEE"},
        Role.UPLOADER: {"CREATE"},
        Role.EDITOR: {"SEE", "CREATE", "CHANGE", "DISCARD"},
        Role.MANAGER: {"SEE", "CREATE", "CHANGE", "DISCARD", "PURGE", "SHARE"},
    }
    assert {*RIGHTS} == {*Role}


def test_the_owner_may_do_everything() -> None:
    assert is_unlimited(OWNER)
    assert all(is_permitted(OWNER, right, [ROOT_ID, 7]) for right in Right)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.UPLOADER, Role.EDITOR])
def test_no_other_role_on_the_root_is_unlimited(role: Role) -> None:
    guest = make_guest((role, ROOT_FOLDER))
    assert not is_unlimited(guest)
    assert {right for right in Right if is_permitted_everywhere(guest, right)} == RIGHTS[role]


def test_a_right_counts_below_its_folder_and_adds_up() -> None:
    guest = make_guest((Role.VIEWER, 5), (Role.UPLOADER, 9), (Role.VIEWER, 9))
    assert find_folders(guest, Right.SEE) == {5, 9}
    assert find_folders(guest, Right.CREATE) == {9}
    assert is_permitted(guest, Right.SEE, [1, 5, 6])
    assert is_permitted(guest, Right.CREATE, [1, 5, 9])
    assert not is_permitted(guest, Right.CREATE, [1, 5, 6])
    assert not is_permitted(guest, Right.SEE, [1, 2])
    assert not is_permitted(make_guest(), Right.SEE, [1])


def test_taking_away_is_the_right_of_the_folder_around() -> None:
    guest = make_guest((Role.MANAGER, 5))
    assert is_permitted(guest, Right.DISCARD, [1, 5, 6])
    assert not is_permitted(guest, Right.DISCARD, [1, 5])


def test_an_actor_has_a_bounded_number_of_grants() -> None:
    with pytest.raises(ValueError, match="grants"):
        make_guest(*[(Role.VIEWER, folder) for folder in range(MAX_GRANTS + 1)])
