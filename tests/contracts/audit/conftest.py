from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsvc.audit.log import AuditLog
from tests.support.audit_logs import AUDIT_LOGS, OpenAudit
from tests.support.reactors import wait_for


@pytest.fixture(params=AUDIT_LOGS)
def open_any(request: pytest.FixtureRequest) -> OpenAudit:
    """A way to a log of each kind."""
    return AUDIT_LOGS[request.param]


@pytest.fixture
def log(open_any: OpenAudit, tmp_path: Path) -> Iterator[AuditLog]:
    """An empty log of each kind."""
    opening = open_any(tmp_path)
    yield wait_for(opening.__aenter__())
    wait_for(opening.__aexit__(None, None, None))
