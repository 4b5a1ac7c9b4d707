"""Delivery: at least once, in order, and nothing that may not be seen when it is sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from cloudsvc.core.actors import OWNER, Actor, Grant, Role
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.nodes import Folder
from cloudsvc.identity.users import User
from cloudsvc.outbound.posting import Answer, Trouble
from cloudsvc.webhooks.bounds import FAILING_SECONDS, MAX_FLIGHTS, MAX_OWN_FLIGHTS, MAX_OWN_WEBHOOKS
from cloudsvc.webhooks.courier import PAUSE_SECONDS
from cloudsvc.webhooks.webhook import Outcome, Stop, Webhook
from tests.support.dispatch import Dispatch
from tests.support.identity_stores import HASH, make_user, make_user_key

NO = Answer(status=500)


@pytest.fixture
def dispatch() -> Iterator[Dispatch]:
    dispatch = Dispatch()
    dispatch.deliverer.start()
    yield dispatch
    dispatch.do(dispatch.deliverer.stop())
    dispatch.feed.close()
    dispatch.work()
    assert dispatch.clock.getDelayedCalls() == []


def make_guest(dispatch: Dispatch, path: str) -> tuple[User, Actor]:
    """A user who sees a folder, and as who they act."""
    folder = dispatch.do(dispatch.trial.find(path))
    assert isinstance(folder, Folder)
    grants = (Grant(role=Role.VIEWER, folder=folder.id),)
    user = dispatch.do(dispatch.store.add_user(make_user(grants=grants)))
    return user, Actor(name=str(user.name), scopes=user.scopes, grants=grants)


def find_state(dispatch: Dispatch, webhook: Webhook) -> tuple[int, bool, Stop | None]:
    progress = dispatch.read(webhook).progress
    return progress.failures, progress.is_paused, progress.stop


def test_what_happened_before_is_not_told_and_what_happens_after_is(dispatch: Dispatch) -> None:
    dispatch.put("before")
    webhook = dispatch.make()
    dispatch.put("a", "b")
    dispatch.work()
    dispatch.put("c")
    dispatch.work()
    assert dispatch.post.paths == ["a", "b", "c"]
    assert dispatch.read(webhook).progress.position.number == 4
    assert dispatch.outcomes == [Outcome.DELIVERED] * 3
    attempts = dispatch.do(dispatch.store.list_attempts(webhook.id))
    assert [each.message for each in attempts] == [each.id for each in reversed(dispatch.post.letters)]


def test_one_that_fails_holds_up_those_after_it_and_nobody_else(dispatch: Dispatch) -> None:
    first = dispatch.make()
    dispatch.work()
    dispatch.post.answers.append(NO)
    dispatch.put("a", "b")
    dispatch.work()
    other = dispatch.make()
    dispatch.put("c")
    dispatch.work()
    assert dispatch.post.paths == ["a", "c"]
    dispatch.post.answers.append(NO)
    dispatch.work(5)
    assert dispatch.post.paths == ["a", "c", "a"]
    assert find_state(dispatch, first) == (2, False, None)
    assert find_state(dispatch, other) == (0, False, None)
    dispatch.work(5 * 60)
    assert dispatch.post.paths == ["a", "c", "a", "a", "b", "c"]
    ids = [each.id for each in dispatch.post.letters]
    assert ids[0] == ids[2] == ids[3]
    assert len(set(ids)) == 4
    assert find_state(dispatch, first) == (0, False, None)


def test_receivers_who_answer_late_hold_up_no_webhooks_of_others(dispatch: Dispatch) -> None:
    dispatch.put("seen/0")
    _, actor = make_guest(dispatch, "seen")
    dispatch.make(actor)
    # More than there are places for.
    slow = ["first", "second"]
    assert len(slow) * MAX_OWN_WEBHOOKS > MAX_FLIGHTS
    for name in slow:
        maker = make_user(name, grants=(Grant(role=Role.VIEWER, folder=1),))
        user = dispatch.do(dispatch.store.add_user(maker))
        for _ in range(MAX_OWN_WEBHOOKS):
            dispatch.make(Actor(name=name, scopes=user.scopes, grants=user.grants))
    gate: Deferred[None] = Deferred()
    dispatch.post.gate = gate
    dispatch.put("late")
    dispatch.work()
    assert dispatch.post.paths == ["late"] * (len(slow) * MAX_OWN_FLIGHTS)
    dispatch.post.letters.clear()
    dispatch.post.gate = None
    dispatch.put("seen/a")
    dispatch.work()
    assert dispatch.post.paths == ["seen/a"]
    gate.callback(None)
    dispatch.work()
    # All that waited for a place have had one: each of the others was told of both.
    assert len(dispatch.post.letters) == 1 + len(slow) * (2 * MAX_OWN_WEBHOOKS - MAX_OWN_FLIGHTS)


def test_who_wants_to_be_left_alone_is(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.post.answers += [Answer(status=429, retry_after=100), Answer(trouble=Trouble.SILENT)]
    dispatch.put("a")
    dispatch.work(90)
    assert dispatch.post.paths == ["a"]
    dispatch.work(15)
    assert dispatch.post.paths == ["a", "a"]
    assert find_state(dispatch, webhook)[0] == 2


def test_after_days_it_is_given_up_and_can_begin_again(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.post.answers += [NO] * 100
    dispatch.put("a")
    dispatch.work()
    for _ in range(24):
        dispatch.work(FAILING_SECONDS / 20)
    assert find_state(dispatch, webhook)[2] is Stop.FAILING
    tries = len(dispatch.post.letters)
    assert tries > 10
    dispatch.work(FAILING_SECONDS)
    assert len(dispatch.post.letters) == tries
    dispatch.post.answers.clear()
    found = dispatch.read(webhook)
    dispatch.do(dispatch.store.replace_webhook(found, begins_again=True))
    dispatch.put("b")
    dispatch.work()
    assert dispatch.post.paths[tries:] == ["a", "b"]


def test_days_in_which_nobody_delivered_give_nothing_up(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.post.answers += [NO] * 2
    dispatch.put("a")
    dispatch.work()
    dispatch.leads = False
    dispatch.work(2 * FAILING_SECONDS)
    dispatch.leads = True
    dispatch.work(5)
    assert find_state(dispatch, webhook) == (2, False, None)
    dispatch.work(5 * 60)
    assert dispatch.post.paths == ["a"] * 3
    assert find_state(dispatch, webhook) == (0, False, None)


def test_410_ends_it_at_once(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.post.answers.append(Answer(status=410))
    dispatch.put("a", "b")
    dispatch.work(60)
    assert dispatch.post.paths == ["a"]
    assert find_state(dispatch, webhook)[2] is Stop.GONE


def test_only_who_leads_delivers(dispatch: Dispatch) -> None:
    dispatch.leads = False
    dispatch.make()
    dispatch.put("a")
    dispatch.work()
    assert dispatch.post.paths == []
    dispatch.leads = True
    dispatch.work()
    assert dispatch.post.paths == ["a"]
    dispatch.leads = False
    dispatch.work()
    dispatch.put("b")
    dispatch.work()
    assert dispatch.post.paths == ["a"]


def test_what_was_on_its_way_when_another_one_leads_is_sent_again(dispatch: Dispatch) -> None:
    dispatch.make()
    dispatch.post.gate = Deferred()
    dispatch.put("a")
    dispatch.work()
    dispatch.leads = False
    dispatch.work()
    dispatch.post.gate = None
    dispatch.leads = True
    dispatch.work()
    first, second = dispatch.post.letters
    assert (first.id, first.content) == (second.id, second.content)


def test_two_who_deliver_do_not_put_each_other_back(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.work()
    # Somebody else has delivered the first of them.
    dispatch.post.gate = Deferred()
    dispatch.put("a", "b")
    dispatch.work()
    found = dispatch.read(webhook)
    position = evolve(found.progress.position, number=1)
    moved_on = evolve(found.progress, position=position)
    assert dispatch.do(dispatch.store.note_progress(webhook.id, found.progress, moved_on))
    gate, dispatch.post.gate = dispatch.post.gate, None
    gate.callback(None)
    dispatch.work()
    assert dispatch.post.paths == ["a", "b"]
    assert dispatch.read(webhook).progress.position.number == 2


def test_the_grants_of_now_decide_and_nothing_is_in_the_gaps(dispatch: Dispatch) -> None:
    dispatch.put("seen/0", "hidden/0")
    user, actor = make_guest(dispatch, "seen")
    webhook = dispatch.make(actor)
    dispatch.put("hidden/a", "seen/b", "hidden/c", "seen/d")
    dispatch.work()
    assert dispatch.post.paths == ["seen/b", "seen/d"]
    assert all(b"hidden" not in each.content for each in dispatch.post.letters)
    user = dispatch.do(dispatch.store.replace_user(evolve(user, grants=())))
    dispatch.put("seen/e")
    dispatch.work(30)
    assert dispatch.post.paths == ["seen/b", "seen/d"]
    assert find_state(dispatch, webhook)[1]
    dispatch.do(dispatch.store.replace_user(evolve(user, grants=actor.grants)))
    dispatch.work(PAUSE_SECONDS * 2)
    # It goes on where it was.
    assert dispatch.post.paths == ["seen/b", "seen/d", "seen/e"]
    assert not find_state(dispatch, webhook)[1]


def test_what_is_on_its_way_is_cut_off_with_the_right_to_see_it(dispatch: Dispatch) -> None:
    dispatch.put("seen/0")
    user, actor = make_guest(dispatch, "seen")
    dispatch.make(actor)
    cut: list[object] = []
    dispatch.post.gate = Deferred(cut.append)
    dispatch.put("seen/a")
    dispatch.work()
    assert (dispatch.post.paths, cut) == (["seen/a"], [])
    dispatch.do(dispatch.store.replace_user(evolve(user, is_disabled=True)))
    dispatch.work()
    assert len(cut) == 1


def test_a_folder_in_the_trash_pauses_it(dispatch: Dispatch) -> None:
    dispatch.put("seen/0")
    _, actor = make_guest(dispatch, "seen")
    webhooks = [dispatch.make(actor), dispatch.make(path="seen")]
    dispatch.work()
    dispatch.do(dispatch.trial.discard("seen"))
    dispatch.put("other")
    dispatch.work(60)
    assert [find_state(dispatch, each)[1] for each in webhooks] == [True, True]
    # That it was thrown away is told by it alone who sees the folder that it was in.
    assert not {"other", "changes.expired"} & {*dispatch.post.paths}


def test_with_its_key_it_ends(dispatch: Dispatch) -> None:
    dispatch.put("seen/0")
    user, actor = make_guest(dispatch, "seen")
    key = dispatch.do(dispatch.store.add_key(make_user_key(user, scopes=user.scopes), bytes(32)))
    webhook = dispatch.make(evolve(actor, key=key.id))
    dispatch.put("seen/a")
    dispatch.work()
    dispatch.do(dispatch.store.revoke_keys(key.id, dispatch.now(), descendants=True))
    dispatch.put("seen/b")
    dispatch.work(60)
    assert dispatch.post.paths == ["seen/a"]
    assert find_state(dispatch, webhook)[1]


def test_while_the_owners_token_is_switched_off_nothing_is_sent_for_it(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    manager = make_user("boss", grants=(Grant(role=Role.MANAGER, folder=1),))
    dispatch.do(dispatch.store.add_user(manager, HASH))
    dispatch.do(dispatch.store.switch_owner(refused=True))
    dispatch.put("a")
    dispatch.work(60)
    assert dispatch.post.paths == []
    assert find_state(dispatch, webhook)[1]
    dispatch.do(dispatch.store.switch_owner(refused=False))
    dispatch.work(60)
    assert dispatch.post.paths == ["a"]


def test_where_the_accounts_are_older_ones_nothing_is_sent(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.is_trusted = False
    dispatch.put("a")
    dispatch.work(60)
    assert dispatch.post.paths == []
    # Whoever accepts them declares void what they would give: a webhook that was removed since would be there again.
    dispatch.do(dispatch.store.void_credentials())
    dispatch.is_trusted = True
    dispatch.work(60)
    assert dispatch.post.paths == []
    assert find_state(dispatch, webhook)[1]
    dispatch.do(dispatch.store.replace_webhook(dispatch.read(webhook)))
    dispatch.work(60)
    assert dispatch.post.paths == ["a"]


def test_changes_that_are_not_remembered_are_told_to_be_lost_once(dispatch: Dispatch) -> None:
    webhook = dispatch.make(disabled=True)
    dispatch.put("a", "b")
    dispatch.trial.watch.pass_seconds(1_000)
    dispatch.do(dispatch.trial.expire(changes_before=dispatch.trial.watch.now))
    dispatch.post.answers.append(NO)
    dispatch.do(dispatch.store.replace_webhook(evolve(dispatch.read(webhook), is_disabled=False)))
    dispatch.work()
    dispatch.put("c")
    dispatch.work(10)
    assert dispatch.post.paths == ["changes.expired", "changes.expired", "c"]
    first, second, _ = dispatch.post.letters
    assert first.id == second.id
    assert first.json["data"] == second.json["data"]


def test_kinds_that_are_not_wanted_are_passed_over(dispatch: Dispatch) -> None:
    webhook = dispatch.make(kinds=[ChangeKind.DISCARDED])
    dispatch.put("a", "b")
    dispatch.do(dispatch.trial.discard("a"))
    dispatch.put("c")
    dispatch.work()
    assert [each.json["type"] for each in dispatch.post.letters] == ["file.discarded"]
    assert dispatch.read(webhook).progress.position.number == 4


def test_what_waits_is_known(dispatch: Dispatch) -> None:
    dispatch.make()
    dispatch.post.answers.append(NO)
    dispatch.put("a")
    dispatch.work()
    assert [*dispatch.deliverer.list_waiting()] == [dispatch.trial.watch.now]
    dispatch.work(10)
    assert [*dispatch.deliverer.list_waiting()] == []


def test_a_new_secret_signs_the_next_message_with_the_former_one(dispatch: Dispatch) -> None:
    webhook = dispatch.make()
    dispatch.work()
    dispatch.do(dispatch.webhooks.rotate(OWNER, webhook.id, 60))
    dispatch.put("a")
    dispatch.work()
    dispatch.work(60)
    dispatch.put("b")
    dispatch.work()
    signatures = [each.fields["webhook-signature"].split(" ") for each in dispatch.post.letters]
    assert [len(each) for each in signatures] == [2, 1]
