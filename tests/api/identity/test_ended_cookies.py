"""Cookies that are no good any more: no guesses, taken from the browser, and looked up so often and no more."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from attrs import define, field

from cloudsvc.access.caching import NOBODY_SECONDS
from cloudsvc.access.throttling import LAPSED_RATE, FixedWindowStore, Throttle
from cloudsvc.core.actors import Role
from cloudsvc.core.rates import parse_rate
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.directory import UserFields
from cloudsvc.identity.sessions import FoundSession, SessionId
from cloudsvc.storage.identity.memory import MemoryIdentity
from tests.support.accounts import Office
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite
from tests.support.site import NOW

PASSWORD = "correct horse battery"  # of nobody but tests
ENDED = "__Host-cloudsvc=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Strict"


@define(eq=False)
class CountingStore(MemoryIdentity):
    """
    A store that tells how often it was asked.

    :ivar asked: the sessions that were looked for.
    """

    asked: list[SessionId] = field(factory=list)

    async def find_session(self, session: SessionId) -> FoundSession | None:
        self.asked.append(session)
        return await super().find_session(session)


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


@pytest.fixture
def site(store: CountingStore) -> Iterator[IdentitySite]:
    rates = {"api": parse_rate("100000/minute"), "failure": parse_rate("3/minute")}
    site = IdentitySite(office=Office(store=store), throttle=Throttle(FixedWindowStore(lambda: NOW), rates, "allow"))
    site.office.folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.MANAGER), password=PASSWORD))
    site.start()
    yield site
    site.stop()


def begin_session(site: IdentitySite) -> str:
    proof = finish(site.office.signing_in.prove_password("anna", Secret(PASSWORD), client="here"))
    return finish(site.office.signing_in.begin(proof)).text.reveal()


def end_sessions(site: IdentitySite) -> None:
    finish(site.office.signing_in.end_sessions(site.office.owner, "anna"))


def show(site: IdentitySite, cookie: str) -> tuple[int, str | None]:
    """The status of an answer, and the cookie that it sets."""
    answer = site.ask("GET", "/me", key=f"__Host-cloudsvc={cookie}", field="Cookie")
    return answer.status, answer.headers.get("Set-Cookie")


def make_up() -> str:
    return f"css_{secrets.token_hex(44)}"


def test_a_browser_with_a_cookie_that_has_ended_keeps_nobody_out(site: IdentitySite) -> None:
    """Those of a household that come back in the morning, with all that they ask for at once."""
    ended, kept, key = [begin_session(site) for _ in range(9)], begin_session(site), site.key_of("anna")
    for each in ended:
        finish(site.office.signing_in.end_session(site.office.owner, each[4:28], "anna"))
    for each in ended * 5:
        assert show(site, each) == (401, ENDED)
    assert show(site, kept) == (200, None)
    assert site.ask("GET", "/me", key=key).status == 200


def test_the_same_cookie_is_looked_up_once_until_something_changes(site: IdentitySite, store: CountingStore) -> None:
    cookie = begin_session(site)
    end_sessions(site)
    store.asked.clear()
    assert [show(site, cookie)[0] for _ in range(9)] == [401] * 9
    assert len(store.asked) == 1
    finish(site.office.directory.edit_user(site.office.owner, "anna", UserFields(display_name="Anna")))
    assert show(site, cookie)[0] == 401
    assert len(store.asked) == 2
    site.clock.advance(NOBODY_SECONDS)
    assert show(site, cookie)[0] == 401
    assert len(store.asked) == 3


def test_whoever_makes_up_cookies_is_looked_up_so_often_and_no_more(site: IdentitySite, store: CountingStore) -> None:
    key, kept = site.key_of("anna"), begin_session(site)
    store.asked.clear()
    statuses = [show(site, make_up())[0] for _ in range(5 * LAPSED_RATE.amount)]
    assert statuses == [401] * LAPSED_RATE.amount + [429] * (4 * LAPSED_RATE.amount)
    assert len(store.asked) == LAPSED_RATE.amount
    # Nobody learns from there which of them is good; and keys are as good as before.
    assert show(site, kept) == (429, None)
    assert site.ask("GET", "/me", key=key).status == 200
    assert [site.ask("GET", "/me", key=f"wrong {n}").status for n in range(4)] == [401, 401, 401, 429]


def test_cookies_are_no_way_around_the_limit_of_wrong_keys(site: IdentitySite) -> None:
    """Nor does what has not the form of a session cost less than a wrong key."""
    kept = begin_session(site)
    for malformed in ("css_", make_up()[:-1], f"{make_up()}0", make_up().upper()):
        status, cookie = show(site, malformed)
        assert (status, cookie) in {(401, ENDED), (429, None)}
    assert site.ask("GET", "/me", key="wrong").status == 429
    assert show(site, kept) == (200, None)


def test_a_cookie_that_is_good_or_not_asked_for_is_left_to_the_browser(site: IdentitySite) -> None:
    kept, key = begin_session(site), site.key_of("anna")
    assert show(site, kept) == (200, None)
    refused = site.ask("GET", "/users", key=f"__Host-cloudsvc={kept}", field="Cookie")
    assert (refused.status, "Set-Cookie" in refused.headers) == (403, False)
    beside = site.ask("GET", "/me", key=f"{key}\r\nCookie: __Host-cloudsvc={make_up()}")
    assert (beside.status, "Set-Cookie" in beside.headers) == (200, False)
    missing = site.ask("GET", "/me", key="other=1", field="Cookie")
    assert (missing.status, "Set-Cookie" in missing.headers) == (401, False)
