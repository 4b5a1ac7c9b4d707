"""The documentation page's own parts; a browser looks at it elsewhere."""

from __future__ import annotations

import gzip
import subprocess
import sys
from typing import cast

import pytest

from cloudsvc.api.documentation import Documentation
from cloudsvc.extend import NoSettings, Tools
from tests.support.server import PATIENCE
from tests.support.site import Answer, TestSite


def test_the_files_of_swagger_ui_come_without_flask() -> None:
    """The package that brings them imports it, which no start of a server should wait for."""
    script = """
import sys
from cloudsvc.api.documentation import Documentation
from cloudsvc.extend import NoSettings
Documentation(NoSettings(), None)
print("flask" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "False\n"


@pytest.fixture
def site() -> TestSite:
    documentation = Documentation(NoSettings(), cast("Tools", None))
    documentation.publish({"openapi": "3.1.0", "paths": {f"/{number}": {} for number in range(200)}})
    return TestSite(application=documentation)


def get(site: TestSite, path: str, *lines: str) -> Answer:
    head = "".join(f"{line}\r\n" for line in lines)
    return site.ask(f"GET /api/{path} HTTP/1.1\r\nHost: a\r\n{head}\r\n".encode())


PLACES = ("docs", "docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/favicon-32x32.png", "openapi.json")


@pytest.mark.parametrize("path", PLACES)
def test_whoever_has_it_is_told_that_it_is_the_same(site: TestSite, path: str) -> None:
    first = get(site, path)
    assert first.headers["Cache-Control"] == "no-cache"
    tag = first.headers["ETag"]
    for field in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        again = get(site, path, f"If-None-Match: {field}")
        assert (again.status, again.headers["ETag"], again.body) == (304, tag, b"")
        assert again.headers.get("Content-Security-Policy") == first.headers["Content-Security-Policy"]
    assert get(site, path, 'If-None-Match: "x"').status == 200
    assert get(site, path, 'If-Match: "x"').status == 412
    part = get(site, path, "Range: bytes=1-9", f"If-Range: {tag}")
    assert (part.status, part.body) == (206, first.body[1:10])


@pytest.mark.parametrize("path", ["docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "openapi.json"])
def test_text_comes_in_gzip_to_whoever_takes_it(site: TestSite, path: str) -> None:
    plain, packed = get(site, path), get(site, path, "Accept-Encoding: gzip, deflate, br")
    assert (packed.headers["Content-Encoding"], packed.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["ETag"] != plain.headers["ETag"]
    assert get(site, path, "Accept-Encoding: gzip", f"If-None-Match: {packed.headers['ETag']}").status == 304
    assert get(site, path, f"If-None-Match: {packed.headers['ETag']}").status == 200


def test_the_first_visit_is_small(site: TestSite) -> None:
    names = ("swagger-ui.css", "page.css", "favicon-32x32.png", "swagger-ui-bundle.js", "start.js")
    paths = ("docs", "openapi.json", *(f"docs/{name}" for name in names))
    assert sum(len(get(site, path, "Accept-Encoding: gzip").body) for path in paths) < 600_000
