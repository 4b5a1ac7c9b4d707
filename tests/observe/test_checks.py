"""The checks of the server's own parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.internet.defer import Deferred

from cloudsvc.observe.checks import (
    check_certificate,
    check_disk,
    check_limits_storage,
    check_reactor_lag,
    check_token,
)
from cloudsvc.observe.health import Check, Finding
from tests.support.threads import Inline


def run(check: Check) -> Finding:
    async def wait() -> Finding:
        return await check.run()

    findings: list[Finding] = []
    Deferred.fromCoroutine(wait()).addCallback(findings.append)
    return findings.pop()


def test_a_server_without_a_token_is_of_no_use() -> None:
    check = check_token(lambda: False)
    assert check.vital
    assert run(check) == Finding(ok=False, message="Server token is not configured")
    assert run(check_token(lambda: True)).ok


@pytest.mark.parametrize(
    ("days", "ok", "message"),
    [
        (365, True, "The certificate is valid for 365 more days"),
        (14, True, "The certificate is valid for 14 more days"),
        (13.9, False, "The certificate is valid for 13 more days"),
        (0, False, "The certificate has expired"),
        (-3, False, "The certificate has expired"),
    ],
)
def test_a_certificate_should_be_renewed_in_time(days: float, ok: bool, message: str) -> None:  # noqa: FBT001  # a parameter of the table
    assert run(check_certificate(lambda: 1000 + days * 86400, lambda: 1000)) == Finding(ok=ok, message=message)


def test_a_certificate_that_cannot_be_replaced_needs_attention() -> None:
    finding = run(check_certificate(lambda: 365 * 86400, lambda: 0, has_problem=lambda: True))
    assert not finding.ok
    assert "log" in finding.message


@pytest.mark.parametrize("ok", [True, False])
def test_the_storage_of_the_limits_answers_or_not(ok: bool) -> None:  # noqa: FBT001  # a parameter of the table  # pytest gives it
    async def answers() -> bool:
        return ok

    assert run(check_limits_storage(answers)).ok is ok


def test_a_disk_needs_room(tmp_path: Path) -> None:
    assert run(check_disk(tmp_path, Inline(), free_bytes=0)).ok
    assert not run(check_disk(tmp_path, Inline(), free_bytes=2**80)).ok


def test_a_file_system_without_blocks_is_not_full() -> None:
    assert run(check_disk(Path("/proc"), Inline())) == Finding(ok=True, message="100% of the disk is free")


def test_the_reactor_should_be_on_time() -> None:
    assert run(check_reactor_lag(lambda: 0.25)) == Finding(ok=True, message="The reactor was at most 250 ms late")
    assert not run(check_reactor_lag(lambda: 1.5)).ok


def test_only_the_token_is_vital(tmp_path: Path) -> None:
    async def answers() -> bool:
        return True

    checks = [
        check_certificate(lambda: 0, lambda: 0),
        check_limits_storage(answers),
        check_disk(tmp_path, Inline()),
        check_reactor_lag(lambda: 0),
    ]
    assert not any(check.vital for check in checks)
    assert [check.name for check in checks] == ["certificate", "limits_storage", "disk", "reactor"]
