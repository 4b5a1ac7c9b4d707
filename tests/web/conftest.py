from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.site import TestSite
from tests.support.web_routes import Demo


@pytest.fixture
def demo() -> Demo:
    return Demo()


@pytest.fixture
def make_site(demo: Demo) -> Callable[..., TestSite]:
    def make(**options: Any) -> TestSite:
        return TestSite(application=demo, **options)

    return make


@pytest.fixture
def site(make_site: Callable[..., TestSite]) -> TestSite:
    return make_site()
