"""Accounts at run time: what is revoked is refused at once, and ends what is under way by it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import ClassVar

import pytest
from attrs import define, evolve, field
from klein import Klein
from twisted.internet.defer import Deferred

from cloudsvc.access.sessions import SessionCookie
from cloudsvc.access.throttling import Throttle
from cloudsvc.access.throttling.memory import FixedWindowStore
from cloudsvc.core.actors import Principal, Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.errors import storage_failed
from cloudsvc.extend import Message, Request, accepts_body, authorized, route, throttled
from cloudsvc.identity.bounds import SEEN_SECONDS, SESSION_IDLE_SECONDS
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.grants import Chains
from cloudsvc.identity.issuing import KeyFields
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import floor_hour
from cloudsvc.identity.revisions import Restriction, Revision
from cloudsvc.identity.sessions import is_session
from cloudsvc.server.accounts import SWEEP_SECONDS
from cloudsvc.storage.identity.memory import MemoryIdentity
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.heads import make_head
from tests.support.identity_site import IdentitySite
from tests.support.plain_folders import PlainFolders
from tests.support.site import NOW, TOKEN, Client

PASSWORD = "correct horse battery"  # of nobody but tests


@define
class Waiting:
    """A route that answers when a test says so, and one that reads what is sent."""

    app: ClassVar[Klein] = Klein()
    waiting: list[Deferred[None]] = field(factory=list)

    @route(app, "GET", "/wait")
    @authorized()
    @throttled("api")
    async def wait(self, request: Request) -> Message:
        """Wait."""
        self.waiting.append(Deferred())
        await self.waiting[-1]
        return Message(message="Waited.")

    @route(app, "PUT", "/swallow")
    @authorized()
    @throttled("api")
    @accepts_body(limit=2000)
    async def swallow(self, request: Request) -> Message:
        """Read all."""
        while await request.body.read():
            pass
        return Message(message="Swallowed.")


@define(eq=False)
class SlowFolders(PlainFolders):
    """Where folders are tells a look-up when a test says so."""

    released: Deferred[None] | None = None

    async def locate(self, folders: Collection[int]) -> Chains:
        if self.released is not None:
            await self.released
        return await super().locate(folders)


@pytest.fixture
def site() -> Iterator[IdentitySite]:
    site = IdentitySite(others=(Waiting(),))
    for path in ("photos", "work"):
        site.office.folders.make(path)
    finish(site.office.add_user("anna", ("photos", Role.EDITOR)))
    site.start()
    yield site
    site.stop()


def pass_seconds(site: IdentitySite, seconds: float) -> None:
    site.office.now += int(seconds * SECOND)
    site.clock.pump([SWEEP_SECONDS] * int(seconds / SWEEP_SECONDS))


def begin_upload(site: IdentitySite, key: str) -> Client:
    client = site.site.connect()
    head = f"PUT /api/swallow HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Length: 1000\r\n\r\n"
    client.send(head.encode() + b"a" * 10)
    return client


def id_of(key: str) -> str:
    return key[4:20]


RESTRICTIONS: dict[str, Callable[[IdentitySite, str], object]] = {
    "revoked": lambda site, key: finish(site.office.issuer.revoke(site.office.owner, id_of(key))),
    "narrowed": lambda site, key: finish(
        site.office.issuer.edit_key(site.office.owner, id_of(key), KeyFields(roles=(("photos", Role.VIEWER),)))
    ),
    "holder disabled": lambda site, key: finish(
        site.office.directory.edit_user(site.office.owner, "anna", UserFields(disabled=True))
    ),
    "holder removed": lambda site, key: finish(site.office.directory.remove_user(site.office.owner, "anna")),
    "role withdrawn": lambda site, key: finish(
        site.office.directory.withdraw_role(site.office.owner, "anna", site.office.folders.chains["photos"][-1])
    ),
    "all void": lambda site, key: finish(site.office.store.void_credentials()),
}


@pytest.mark.parametrize("how", RESTRICTIONS)
def test_what_is_under_way_ends_within_a_second(site: IdentitySite, how: str) -> None:
    key, other = site.key_of("anna"), site.ask("POST", "/keys", {"program": "camera", "roles": []}).json["secret"]
    running = [site.send("GET", "/wait", key=key), begin_upload(site, key)]
    unconcerned = [site.send("GET", "/wait", key=each) for each in (other, TOKEN)]
    unconcerned += [begin_upload(site, each) for each in (other, TOKEN)]
    assert not any(client.transport.aborted for client in [*running, *unconcerned])
    RESTRICTIONS[how](site, key)
    pass_seconds(site, 1.0)
    assert all(client.transport.aborted for client in running)
    if how == "all void":
        assert [client.transport.aborted for client in unconcerned] == [True, False, True, False]
    else:
        assert not any(client.transport.aborted for client in unconcerned)
    for client in [*running, *unconcerned]:
        client.leave()


def test_who_may_do_more_goes_on(site: IdentitySite) -> None:
    key = site.key_of("anna")
    running = site.send("GET", "/wait", key=key)
    finish(site.office.directory.grant_role(site.office.owner, "anna", "work", Role.VIEWER))
    pass_seconds(site, 1.0)
    assert not running.transport.aborted
    running.leave()


def test_a_key_that_expires_ends_what_is_under_way(site: IdentitySite) -> None:
    key = site.key_of("anna", expires_at=site.office.now + 3 * SECOND)
    running = site.send("GET", "/wait", key=key)
    pass_seconds(site, 2.0)
    assert not running.transport.aborted
    pass_seconds(site, 1.5)
    assert running.transport.aborted
    assert site.ask("GET", "/me", key=key).status == 401
    running.leave()


def test_the_end_of_a_key_moves_for_what_is_under_way_too(site: IdentitySite) -> None:
    rotated, prolonged = site.key_of("anna"), site.key_of("anna", expires_at=site.office.now + 3 * SECOND)
    running = [site.send("GET", "/wait", key=key) for key in (rotated, prolonged)]
    finish(site.office.issuer.rotate(site.office.owner, id_of(rotated), 6))
    finish(site.office.issuer.edit_key(site.office.owner, id_of(prolonged), KeyFields(expires_at=0)))
    pass_seconds(site, 5.0)
    assert [client.transport.aborted for client in running] == [False, False]
    pass_seconds(site, 2.0)
    assert [client.transport.aborted for client in running] == [True, False]
    for client in running:
        client.leave()


def test_more_than_are_looked_at_in_one_step(site: IdentitySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.server.watching.MAX_FOUND", 2)
    keys = [site.key_of("anna") for _ in range(5)]
    running = [site.send("GET", "/wait", key=key) for key in keys]
    for key in keys[1:]:
        finish(site.office.issuer.revoke(site.office.owner, id_of(key)))
    pass_seconds(site, 1.0)
    assert [client.transport.aborted for client in running] == [False, True, True, True, True]
    for client in running:
        client.leave()


def test_what_is_revoked_ends_where_it_cannot_be_witnessed(site: IdentitySite) -> None:
    key = site.key_of("anna")
    running = site.send("GET", "/wait", key=key)
    site.note.is_full = True
    with pytest.raises(CloudError):
        finish(site.office.issuer.revoke(site.office.owner, id_of(key)))
    pass_seconds(site, 1.0)
    assert running.transport.aborted
    running.leave()
    site.note.is_full = False
    pass_seconds(site, 1.0)
    assert site.note.kept == finish(site.office.store.find_standing()).restriction


def test_a_store_that_goes_back_while_it_is_open_lets_nobody_in(site: IdentitySite) -> None:
    """As when its database gives way to a standby that lags behind."""
    key, other = site.key_of("anna"), site.key_of("anna")
    running = site.send("GET", "/wait", key=other)
    accounts = site.office.store._accounts
    before = evolve(accounts, keys={**accounts.keys}, marks={**accounts.marks})
    finish(site.office.issuer.revoke(site.office.owner, id_of(key)))
    site.office.store._accounts = before
    finish(site.accounts.settle())
    pass_seconds(site, 1.0)
    assert running.transport.aborted
    assert [site.ask("GET", "/me", key=each).status for each in (key, other, TOKEN)] == [401, 401, 200]
    running.leave()


def test_a_look_up_that_takes_long_lets_nobody_stay() -> None:
    """It has seen the key as it was before everything under way was looked at."""
    folders = SlowFolders()
    site = IdentitySite(office=Office(folders=folders), others=(Waiting(),))
    folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.EDITOR)))
    site.start()
    key = site.key_of("anna", ("photos", Role.VIEWER))
    folders.released = Deferred()
    late = site.send("GET", "/wait", key=key)
    finish(site.office.issuer.revoke(site.office.owner, id_of(key)))
    pass_seconds(site, 5.0)
    assert not late.transport.aborted
    folders.released.callback(None)
    pass_seconds(site, 1.0)
    assert late.transport.aborted
    late.leave()
    site.stop()


def test_who_revokes_the_key_by_which_they_ask_has_the_answer(site: IdentitySite) -> None:
    key = site.key_of("anna")
    answer = site.ask("DELETE", f"/keys/{id_of(key)}", key=key)
    assert answer.json["key"]["revoked_at"] is not None
    assert site.ask("GET", "/me", key=key).status == 401


def test_a_look_up_that_was_under_way_lets_nobody_stay(site: IdentitySite) -> None:
    """It may have seen the key as it was, and let somebody in after all others were looked at."""
    key = site.key_of("anna")
    finish(site.office.issuer.revoke(site.office.owner, id_of(key)))
    late = begin_upload(site, TOKEN)
    late.channel.requests[0].principal = finish_look_up(site, key)
    pass_seconds(site, 1.0)
    assert late.transport.aborted
    late.leave()


def finish_look_up(site: IdentitySite, key: str) -> Principal:
    """The principal of a key, as it was before it was revoked."""
    keys = site.office.store._accounts.keys
    revoked = keys[KeyId(id_of(key))]
    keys[revoked.id] = evolve(revoked, revoked_at=None)
    found = finish(site.accounts.look_up(key.encode()))
    keys[revoked.id] = revoked
    assert found is not None
    return found


def test_an_older_store_lets_nobody_in_but_the_owner_until_it_is_accepted(site: IdentitySite) -> None:
    key = site.key_of("anna")
    site.stop()
    site.note.kept = Restriction(revision=Revision(2), mark="f" * 32)
    site.start()
    assert [site.ask("GET", "/me", key=each).status for each in (key, TOKEN)] == [401, 200]
    restriction = finish(site.office.store.find_standing()).restriction
    assert restriction is not None
    site.note.kept = restriction
    pass_seconds(site, 1.0)
    assert site.ask("GET", "/me", key=key).status == 200


def test_uses_are_written_down_to_the_hour_and_not_by_requests(site: IdentitySite) -> None:
    key = site.key_of("anna")
    before = finish(site.office.store.find_standing())
    for _ in range(3):
        assert site.ask("GET", "/me", key=key).status == 200
    found = finish(site.office.issuer.find_key(site.office.owner, id_of(key)))
    assert found.last_used is None
    used = floor_hour(site.office.now)
    pass_seconds(site, 61.0)
    found = finish(site.office.issuer.find_key(site.office.owner, id_of(key)))
    assert found.last_used == used
    assert finish(site.office.store.find_standing()) == before


@define(eq=False)
class FullStore(MemoryIdentity):
    """
    A store whose disk is full now and then.

    :ivar is_full: whether it is now.
    """

    is_full: bool = False

    async def note_uses(self, uses: Mapping[KeyId, Instant]) -> None:
        if self.is_full:
            raise storage_failed()
        await super().note_uses(uses)


def test_uses_that_could_not_be_written_down_are_so_later() -> None:
    store = FullStore()
    site = IdentitySite(office=Office(store=store))
    finish(site.office.add_user("anna"))
    site.start()
    key = site.key_of("anna")
    assert site.ask("GET", "/me", key=key).status == 200
    used = floor_hour(site.office.now)
    store.is_full = True
    pass_seconds(site, 61.0)
    store.is_full = False
    pass_seconds(site, 61.0)
    assert finish(site.office.issuer.find_key(site.office.owner, id_of(key))).last_used == used
    site.stop()


def test_a_key_with_a_rate_of_its_own() -> None:
    throttle = Throttle(
        FixedWindowStore(lambda: NOW),
        {"api": parse_rate("100/minute"), "failure": parse_rate("100/minute")},
        "allow",
    )
    site = IdentitySite(throttle=throttle)
    finish(site.office.add_user("anna"))
    site.start()
    slow, fast = site.key_of("anna", rate="2/minute"), site.key_of("anna")
    assert [site.ask("GET", "/me", key=slow).status for _ in range(3)] == [200, 200, 429]
    assert site.ask("GET", "/keys", key=slow).status == 429, "whatever the route"
    assert site.ask("GET", "/me", key=fast).status == 200
    site.stop()


def test_without_a_store_there_is_the_owner_alone(site: IdentitySite) -> None:
    key = site.key_of("anna")
    assert site.ask("GET", "/me", key=key).status == 200
    site.stop()
    assert [site.ask("GET", "/me", key=each).status for each in (key, TOKEN)] == [401, 200]
    site.start()


def begin_session(site: IdentitySite) -> str:
    """A session of ``anna``, who gets a password."""
    office = site.office
    finish(office.directory.edit_user(office.owner, "anna", UserFields(password=PASSWORD)))
    proof = finish(office.signing_in.prove_password("anna", Secret(PASSWORD), client="here"))
    return finish(office.signing_in.begin(proof)).text.reveal()


ENDINGS: dict[str, Callable[[IdentitySite, str], object]] = {
    "ended": lambda site, session: finish(site.office.signing_in.end_session(site.office.owner, session[4:28], "anna")),
    "all ended": lambda site, _: finish(site.office.signing_in.end_sessions(site.office.owner, "anna")),
    "another password": lambda site, _: finish(
        site.office.directory.edit_user(site.office.owner, "anna", UserFields(password="another horse"))
    ),
    "user disabled": lambda site, _: finish(
        site.office.directory.edit_user(site.office.owner, "anna", UserFields(disabled=True))
    ),
    "user removed": lambda site, _: finish(site.office.directory.remove_user(site.office.owner, "anna")),
    "all void": lambda site, _: finish(site.office.store.void_credentials()),
    "idle": lambda site, _: setattr(site.office, "now", site.office.now + SESSION_IDLE_SECONDS * SECOND),
}


@pytest.mark.parametrize("how", ENDINGS)
def test_what_is_under_way_by_a_session_ends_within_a_second(site: IdentitySite, how: str) -> None:
    session = begin_session(site)
    shown = f"__Host-cloudsvc={session}"
    running = [site.send("GET", "/wait", key=shown, field="Cookie") for _ in range(2)]
    other = site.send("GET", "/wait", key=TOKEN)
    assert not any(client.transport.aborted for client in running)
    ENDINGS[how](site, session)
    pass_seconds(site, 1.0)
    assert all(client.transport.aborted for client in running)
    assert not other.transport.aborted
    assert site.ask("GET", "/me", key=shown, field="Cookie").status == 401
    for client in [*running, other]:
        client.leave()


def test_more_sessions_than_are_looked_at_in_one_step(site: IdentitySite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.server.watching.MAX_FOUND", 2)
    first = begin_session(site)
    # Of the same password, which the first of them was begun by.
    again = finish(site.office.signing_in.prove_password("anna", Secret(PASSWORD), client="here"))
    sessions = [first, *(finish(site.office.signing_in.begin(again)).text.reveal() for _ in range(4))]
    running = [site.send("GET", "/wait", key=f"__Host-cloudsvc={each}", field="Cookie") for each in sessions]
    for each in sessions[1:]:
        finish(site.office.signing_in.end_session(site.office.owner, each[4:28], "anna"))
    pass_seconds(site, 1.0)
    assert [client.transport.aborted for client in running] == [False, True, True, True, True]
    for client in running:
        client.leave()


def test_what_is_under_way_keeps_no_session_from_being_idle(site: IdentitySite) -> None:
    session = begin_session(site)

    async def ask_again() -> Principal | None:
        """As is done each second for who follows changes."""
        found = SessionCookie(site.cookies, is_session).identify_again(session.encode(), make_head())
        return found if found is None or isinstance(found, Principal) else await found

    site.office.now += (SESSION_IDLE_SECONDS - SEEN_SECONDS) * SECOND - SECOND
    assert finish(ask_again()) is not None
    site.office.now += (SEEN_SECONDS + 1) * SECOND
    assert finish(ask_again()) is None
    assert site.ask("GET", "/me", key=f"__Host-cloudsvc={session}", field="Cookie").status == 401


def test_when_sessions_were_seen_is_written_down_now_and_then(site: IdentitySite) -> None:
    shown = f"__Host-cloudsvc={begin_session(site)}"
    user = finish(site.office.directory.find_user(site.office.owner, "anna"))
    site.office.now += SEEN_SECONDS * SECOND
    assert site.ask("GET", "/me", key=shown, field="Cookie").status == 200
    [before] = finish(site.office.store.list_sessions(user.id))
    pass_seconds(site, 61.0)
    [after] = finish(site.office.store.list_sessions(user.id))
    assert after.seen_at == before.seen_at + SEEN_SECONDS * SECOND
    site.office.now += SESSION_IDLE_SECONDS * SECOND
    pass_seconds(site, 61.0)
    assert finish(site.office.store.list_sessions(user.id)) == []


def switch_off_elsewhere(site: IdentitySite) -> object:
    """As another process does it, which shares the store."""
    return finish(site.office.store.switch_owner(refused=True))


def add_boss(site: IdentitySite) -> str:
    """A key of somebody who manages the accounts beside the owner."""
    finish(site.office.add_user("boss", ("", Role.MANAGER)))
    return site.key_of("boss")


SWITCHES: dict[str, Callable[[IdentitySite, str], object]] = {
    "over HTTP": lambda site, boss: site.ask("PATCH", "/owner", {"disabled": True}, key=boss),
    "elsewhere": lambda site, _: switch_off_elsewhere(site),
}


@pytest.mark.parametrize("how", SWITCHES)
def test_the_owner_s_token_is_refused_once_it_is_switched_off(site: IdentitySite, how: str) -> None:
    boss, key = add_boss(site), site.key_of("anna")
    running = [site.send("GET", "/wait"), site.send("GET", "/wait", field="Authorization", key=f"Bearer {TOKEN}")]
    running.append(begin_upload(site, TOKEN))
    others = [site.send("GET", "/wait", key=key), begin_upload(site, key)]
    SWITCHES[how](site, boss)
    pass_seconds(site, 1.0)
    assert [client.transport.aborted for client in running] == [True] * 3
    assert [client.transport.aborted for client in others] == [False] * 2
    refused, wrong = site.ask("GET", "/me"), site.ask("GET", "/me", key="wrong")
    assert (refused.status, refused.json["error"], refused.json["message"]) == (
        401,
        wrong.json["error"],
        wrong.json["message"],
    )
    assert site.ask("GET", "/me", field="Authorization", key=f"Bearer {TOKEN}").status == 401
    assert site.ask("GET", "/me", key=boss).status == 200
    assert site.ask("GET", "/owner", key=boss).json["disabled"] is True
    assert site.ask("PATCH", "/owner", {"disabled": False}, key=boss).json["disabled"] is False
    assert site.ask("GET", "/me").json["name"] == "owner"
    for client in [*running, *others]:
        client.leave()


def test_whoever_switches_it_off_by_it_has_the_answer(site: IdentitySite) -> None:
    add_boss(site)
    answer = site.ask("PATCH", "/owner", {"disabled": True})
    assert (answer.status, answer.json["disabled"]) == (200, True)
    assert site.ask("GET", "/me").status == 401


def test_only_who_manages_the_accounts_has_the_switch(site: IdentitySite) -> None:
    boss, key = add_boss(site), site.key_of("anna")
    assert site.ask("GET", "/owner", key=key).json["error"] == "managers_only"
    assert site.ask("PATCH", "/owner", {"disabled": True}, key=key).json["error"] == "managers_only"
    limited = site.key_of("boss", expires_at=site.office.now + 9 * SECOND)
    assert site.ask("PATCH", "/owner", {"disabled": True}, key=limited).status == 200
    assert site.ask("PATCH", "/owner", {"disabled": False}, key=limited).status == 403
    assert site.ask("PATCH", "/owner", {"disabled": False}, key=boss).status == 200


def test_it_is_not_switched_off_where_nobody_else_could_help(site: IdentitySite) -> None:
    refused = site.ask("PATCH", "/owner", {"disabled": True})
    assert (refused.status, refused.json["error"]) == (409, "no_manager")
    boss = add_boss(site)
    assert site.ask("PATCH", "/owner", {"disabled": True}).status == 200
    for method, path, body in (
        ("PATCH", "/users/boss", {"disabled": True}),
        ("DELETE", "/users/boss", None),
        ("DELETE", "/users/boss/roles/1", None),
        ("DELETE", f"/keys/{id_of(boss)}", None),
    ):
        answer = site.ask(method, path, body, key=boss)
        assert (answer.status, answer.json["error"]) == (409, "last_manager"), path
    assert site.ask("GET", "/me", key=boss).json["manager"]


def test_it_stays_off_after_a_restart_and_while_the_accounts_are_away(site: IdentitySite) -> None:
    add_boss(site)
    assert site.ask("PATCH", "/owner", {"disabled": True}).status == 200
    site.stop()
    assert site.ask("GET", "/me").status == 401
    site.start()
    assert site.ask("GET", "/me").status == 401


def test_an_older_store_does_not_switch_it_on(site: IdentitySite) -> None:
    """One from before it was switched off, that is put back while the server runs, and before it starts."""
    boss = add_boss(site)
    site.ask("PATCH", "/users/anna", {"disabled": False})
    accounts = site.office.store._accounts
    older = evolve(accounts, marks={**accounts.marks})
    assert site.ask("PATCH", "/owner", {"disabled": True}).status == 200
    site.office.store._accounts = older
    finish(site.accounts.settle())
    assert [site.ask("GET", "/me", key=each).status for each in (boss, TOKEN)] == [401, 401]
    site.stop()
    site.start()
    assert [site.ask("GET", "/me", key=each).status for each in (boss, TOKEN)] == [401, 401]
    # Whoever has the machine lets it in again.
    finish(site.office.store.switch_owner(refused=False))
    site.note.kept = finish(site.office.store.find_standing()).restriction
    pass_seconds(site, 1.0)
    assert [site.ask("GET", "/me", key=each).status for each in (boss, TOKEN)] == [200, 200]
