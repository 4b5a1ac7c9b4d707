"""The certificate in service follows the files, and a broken file changes nothing but the report."""

from __future__ import annotations

import os
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from attrs import frozen
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.core.errors import OperatorError
from cloudsvc.tls.files import CertificateFiles
from cloudsvc.tls.names import names_of
from cloudsvc.tls.reloading import CHECK_INTERVAL, ReloadingCertificate, Renewal
from tests.support.inline_threads import Inline, P, T
from tests.support.tls.certificates import DAY, NAMES, copy_pair, leaf_of, logged, make, make_key, sign_elsewhere

NOW = float(int(time.time()))
THIRTY_DAYS_BEFORE = Renewal(days_valid=365, before_days=30)


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    return make(tmp_path / "certs", NOW)


@pytest.fixture
def other(tmp_path: Path) -> CertificateFiles:
    return make(tmp_path / "other", NOW, days_valid=366)


@pytest.fixture
def clock() -> Iterator[Clock]:
    clock = Clock()
    yield clock
    assert not clock.getDelayedCalls()


Serve = Callable[..., ReloadingCertificate]


@pytest.fixture
def serve(files: CertificateFiles, clock: Clock) -> Iterator[Serve]:
    """Puts the files into service; the wall clock goes with the clock, from ``now``."""
    services = []

    def start(
        now: float = NOW,
        renewal: Renewal | None = None,
        names: Sequence[str] = (),
        count_load: Callable[[str], object] = lambda _: None,
    ) -> ReloadingCertificate:
        service = ReloadingCertificate(
            files,
            clock=clock,
            wall_clock=lambda: now + clock.seconds(),
            threads=Inline(),
            renewal=renewal,
            names=names,
            count_load=count_load,
        )
        services.append(service)
        service.startService()
        return service

    yield start
    for service in services:
        service.stopService()


def break_certificate(files: CertificateFiles) -> None:
    files.certificate.write_bytes(files.certificate.read_bytes()[:200])


def test_replaced_files_are_served_within_a_minute(
    files: CertificateFiles, other: CertificateFiles, clock: Clock, serve: Serve
) -> None:
    certificate = serve()
    copy_pair(other, files)
    clock.advance(CHECK_INTERVAL)
    assert CHECK_INTERVAL < 60
    assert certificate.not_after == NOW + 366 * DAY
    assert certificate.problem is None


def test_replaced_files_are_served_at_once_when_asked(
    files: CertificateFiles, other: CertificateFiles, serve: Serve
) -> None:
    certificate = serve()
    copy_pair(other, files)
    Deferred.fromCoroutine(certificate.reload())
    assert certificate.not_after == NOW + 366 * DAY


def test_half_a_swap_is_refused_and_its_other_half_accepted(
    files: CertificateFiles, other: CertificateFiles, clock: Clock, serve: Serve
) -> None:
    certificate = serve()
    files.key.write_bytes(other.key.read_bytes())
    clock.advance(CHECK_INTERVAL)
    assert certificate.not_after == NOW + 365 * DAY
    assert "is not the key of" in str(certificate.problem)
    files.certificate.write_bytes(other.certificate.read_bytes())
    clock.advance(CHECK_INTERVAL)
    assert certificate.not_after == NOW + 366 * DAY
    assert certificate.problem is None


def delete(files: CertificateFiles) -> None:
    files.key.unlink()


def replace_with_expired(files: CertificateFiles) -> None:
    sign_elsewhere(files, make_key(), NOW - 100 * DAY)


def replace_with_future(files: CertificateFiles) -> None:
    sign_elsewhere(files, make_key(), NOW + DAY)


def replace_with_pipe(files: CertificateFiles) -> None:
    files.certificate.unlink()
    os.mkfifo(files.certificate)


@pytest.mark.parametrize(
    "harm", [break_certificate, delete, replace_with_expired, replace_with_future, replace_with_pipe]
)
def test_a_broken_replacement_is_reported_once_while_the_old_one_serves(
    files: CertificateFiles, clock: Clock, serve: Serve, harm: Callable[[CertificateFiles], None]
) -> None:
    certificate = serve()
    harm(files)
    with logged() as lines:
        clock.pump([CHECK_INTERVAL] * 4)
    assert len([line for line in lines if line.startswith("error: the certificate on disk cannot be served")]) == 1
    assert certificate.not_after == NOW + 365 * DAY
    assert certificate.problem is not None


def test_each_attempt_to_serve_something_new_is_counted_once(
    files: CertificateFiles, other: CertificateFiles, clock: Clock, serve: Serve
) -> None:
    counted: list[str] = []
    serve(count_load=counted.append)
    assert counted == []
    break_certificate(files)
    clock.pump([CHECK_INTERVAL] * 3)
    assert counted == ["failure"]
    copy_pair(other, files)
    clock.pump([CHECK_INTERVAL] * 3)
    assert counted == ["failure", "success"]


def test_whoever_asks_for_a_broken_replacement_is_told_each_time(files: CertificateFiles, serve: Serve) -> None:
    certificate = serve()
    break_certificate(files)
    with logged() as lines:
        Deferred.fromCoroutine(certificate.reload())
        Deferred.fromCoroutine(certificate.reload())
    assert len(lines) == 2


def test_a_replacement_from_the_future_is_served_when_its_time_has_come(
    files: CertificateFiles, clock: Clock, serve: Serve
) -> None:
    certificate = serve()
    replace_with_future(files)
    clock.advance(CHECK_INTERVAL)
    assert certificate.problem is not None
    clock.advance(DAY)
    assert certificate.not_after == NOW + 91 * DAY
    assert certificate.problem is None


def test_our_own_certificate_renews_itself_before_its_end(files: CertificateFiles, clock: Clock, serve: Serve) -> None:
    certificate = serve(renewal=THIRTY_DAYS_BEFORE)
    clock.advance(334 * DAY)
    assert certificate.not_after == NOW + 365 * DAY
    clock.advance(2 * DAY)
    assert certificate.not_after == pytest.approx(NOW + (336 + 365) * DAY, abs=CHECK_INTERVAL)
    assert certificate.not_after == leaf_of(files).not_valid_after_utc.timestamp()


def test_our_own_expired_certificate_is_renewed_at_start(serve: Serve) -> None:
    certificate = serve(now=NOW + 400 * DAY, renewal=THIRTY_DAYS_BEFORE)
    assert certificate.not_after == NOW + 765 * DAY
    assert certificate.problem is None


def test_a_foreign_expired_certificate_is_served_and_reported(files: CertificateFiles, serve: Serve) -> None:
    sign_elsewhere(files, make_key(), NOW)
    with logged() as lines:
        certificate = serve(now=NOW + 91 * DAY, renewal=THIRTY_DAYS_BEFORE)
    assert certificate.not_after == NOW + 90 * DAY
    assert "has expired" in str(certificate.problem)
    assert any(line.startswith("error") and "has expired" in line for line in lines)


def test_a_certificate_that_ends_in_service_becomes_a_problem(clock: Clock, serve: Serve) -> None:
    certificate = serve()
    clock.advance(365 * DAY)
    assert "has expired" in str(certificate.problem)


def test_a_renewal_that_fails_is_reported_once_and_tried_again(
    files: CertificateFiles, clock: Clock, serve: Serve
) -> None:
    certificate = serve(renewal=THIRTY_DAYS_BEFORE)
    in_the_way = files.certificate.with_name(".cert.pem.new")
    in_the_way.mkdir()
    (in_the_way / "file").touch()
    with logged() as lines:
        clock.advance(340 * DAY)
        clock.advance(CHECK_INTERVAL)
    assert len([line for line in lines if "could not be renewed" in line]) == 1
    assert "cannot write" in str(certificate.problem)
    (in_the_way / "file").unlink()
    in_the_way.rmdir()
    clock.advance(CHECK_INTERVAL)
    assert certificate.problem is None
    assert certificate.not_after > NOW + 700 * DAY


def test_replacing_an_authority_at_its_end_is_announced(files: CertificateFiles, clock: Clock, serve: Serve) -> None:
    with logged() as lines:
        serve(now=NOW + 3300 * DAY, renewal=THIRTY_DAYS_BEFORE)
    assert any(line.startswith("warn: a new certificate authority signed it: give clients") for line in lines)


def test_a_configured_name_that_the_authority_covers_is_added_at_start(files: CertificateFiles, serve: Serve) -> None:
    authority = files.authority_certificate.read_bytes()
    with logged() as lines:
        serve(renewal=THIRTY_DAYS_BEFORE, names=["localhost", "a.localhost"])
    assert [str(name.value) for name in names_of(leaf_of(files))] == [*NAMES, "a.localhost"]
    assert files.authority_certificate.read_bytes() == authority
    assert not [line for line in lines if line.startswith("warn")]


@pytest.mark.parametrize(
    ("renewal", "told"),
    [
        (THIRTY_DAYS_BEFORE, ("new.test", "run `cloudsvc generate-certificate localhost 127.0.0.1 ::1 new.test`")),
        (None, ("a.localhost", "run `cloudsvc generate-certificate`")),
    ],
)
def test_a_configured_name_that_is_not_added_is_told_once(
    files: CertificateFiles, clock: Clock, serve: Serve, renewal: Renewal | None, told: tuple[str, str]
) -> None:
    name, words = told
    before = leaf_of(files)
    with logged() as lines:
        serve(renewal=renewal, names=["localhost", name])
        clock.advance(5 * CHECK_INTERVAL)
    assert leaf_of(files) == before
    (line,) = (line for line in lines if "certificate.names" in line)
    assert line.startswith("warn")
    assert words in line


def test_without_files_there_is_nothing_to_serve(files: CertificateFiles, serve: Serve) -> None:
    files.key.unlink()
    with pytest.raises(OperatorError, match="make it with"):
        serve()


def test_key_that_others_may_read_is_warned_of(files: CertificateFiles, serve: Serve) -> None:
    files.key.chmod(0o644)
    with logged() as lines:
        serve()
    assert any(line.startswith("warn: others than its owner may use") for line in lines)


class Unreliable(Inline):
    """Fails as no one expected, as often as it is told to."""

    failures = 0

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.failures:
            self.failures -= 1
            raise MemoryError
        return await super().run(function, *args, **kwargs)


def test_an_unexpected_failure_does_not_end_the_looking(
    files: CertificateFiles, other: CertificateFiles, clock: Clock
) -> None:
    threads = Unreliable()
    certificate = ReloadingCertificate(
        files, clock=clock, wall_clock=lambda: NOW, threads=threads, renewal=None, names=()
    )
    certificate.startService()
    threads.failures = 1
    copy_pair(other, files)
    with logged() as lines:
        clock.advance(CHECK_INTERVAL)
        assert certificate.not_after == NOW + 365 * DAY
        clock.advance(CHECK_INTERVAL)
    assert certificate.not_after == NOW + 366 * DAY
    assert any(line.startswith("critical: looking after the certificate failed") for line in lines)
    certificate.stopService()


@frozen
class Slow(Inline):
    """Begins when it is told to."""

    gate: Deferred[None]

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        await self.gate
        return await super().run(function, *args, **kwargs)


def test_stopping_waits_for_a_look_under_way(files: CertificateFiles, clock: Clock) -> None:
    gate = Deferred[None]()
    certificate = ReloadingCertificate(
        files, clock=clock, wall_clock=lambda: NOW, threads=Slow(gate), renewal=None, names=()
    )
    certificate.startService()
    stopped = certificate.stopService()
    assert not stopped.called
    gate.callback(None)
    assert stopped.called


def test_a_look_that_does_not_end_is_a_problem_until_it_does(
    files: CertificateFiles, other: CertificateFiles, clock: Clock
) -> None:
    gate = Deferred[None]()
    certificate = ReloadingCertificate(
        files, clock=clock, wall_clock=lambda: NOW, threads=Slow(gate), renewal=None, names=()
    )
    certificate.startService()
    asked = Deferred.fromCoroutine(certificate.reload())
    with logged() as lines:
        clock.pump([1.0] * 600)
    (line,) = lines
    assert line == f"error: {certificate.problem}"
    assert f"{files.directory} takes longer than 15 seconds" in line
    copy_pair(other, files)
    gate.callback(None)
    assert asked.called
    assert (certificate.problem, certificate.not_after) == (None, NOW + 366 * DAY)
    certificate.stopService()


def converse(
    certificate: ReloadingCertificate, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLObject:
    """The client's side of a connection in memory, once it has the session that the server gives it."""
    server = certificate.serverConnectionForTLS(None)  # type: ignore[arg-type]  # of no use to it
    server.set_accept_state()
    received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(received, sent, session=session)
    for _ in range(3):
        with suppress(ssl.SSLWantReadError):
            client.do_handshake()
            client.read(1)
        if data := sent.read():
            server.bio_write(data)
        with suppress(SSL.WantReadError):
            server.do_handshake()
        with suppress(SSL.WantReadError):
            received.write(server.bio_read(1 << 16))
    return client


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_outlive_a_swap_but_not_their_keys(
    files: CertificateFiles, other: CertificateFiles, clock: Clock, serve: Serve, version: ssl.TLSVersion
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(files.certificate)
    context.load_verify_locations(other.certificate)
    context.maximum_version = version
    certificate = serve()
    first = converse(certificate, context)
    copy_pair(other, files)
    clock.advance(CHECK_INTERVAL)
    assert certificate.not_after == leaf_of(other).not_valid_after_utc.timestamp()
    assert not first.session_reused
    assert converse(certificate, context, first.session).session_reused
    clock.advance(2 * DAY)
    assert not converse(certificate, context, first.session).session_reused
