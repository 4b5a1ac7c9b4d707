"""The documentation page works in a browser, offline, under its Content-Security-Policy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.browser import Page, browsing
from tests.support.drive_servers import run_drive
from tests.support.inputs_application import NAME
from tests.support.server import Server, make_home, running

OPERATIONS = """\
[...document.querySelectorAll(".opblock")].map(block => [
    block.querySelector(".opblock-summary-method").textContent.toLowerCase(),
    block.querySelector(".opblock-summary-path").dataset.path,
])
"""


KEYS = {
    "system-system_health": "['paths', '/api/health', 'get']",
    "system-system_login": "['paths', '/api/login', 'get']",
    "drive-drive_put_file": "['paths', '/api/files/{path}', 'put']",
}
"""Where the description has the operations that are tried."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(tmp_path_factory.mktemp("home"), applications=[NAME])
    with running(home, token) as server:
        yield server


@pytest.fixture
def page(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with open_page(server, tmp_path_factory.mktemp("browser")) as page:
        yield page


@contextmanager
def open_page(server: Server, directory: Path) -> Iterator[Page]:
    """The page, with all operations rendered; it must not have complained at the end of the test."""
    with browsing(directory, server.certificate) as page:
        page.open(f"{server.url}/api/docs")
        page.wait_for("document.querySelectorAll('.opblock').length > 0")
        yield page
        assert page.violations() == []
        assert page.complaints == []
        strangers = [url for url in page.requested if not url.startswith((f"{server.url}/", "data:"))]
        assert strangers == []


def unfold(page: Page, operation: str) -> str:
    """Where on the page the operation is, ready to be tried."""
    block = f"#operations-{operation}"
    page.click(f"{block} .opblock-summary-control")
    # Until the page has resolved the operation it shows the button, and cannot find what to execute.
    page.wait_for(f"ui.specSelectors.specResolvedSubtree({KEYS[operation]}) !== undefined")
    return block


def execute(page: Page, block: str) -> str:
    """What the page shows of the answer to the operation that is unfolded there."""
    page.click(f"{block} .execute")
    page.wait_for(f"document.querySelector('{block} .live-responses-table .response-col_status') !== null")
    text: str = page.evaluate(f"document.querySelector('{block} .live-responses-table .response').innerText")
    return text


def test_every_operation_is_shown(page: Page, server: Server) -> None:
    paths = server.ask("GET", "/api/openapi.json").json["paths"]
    described = {(method, path) for path, item in paths.items() for method in item}
    assert {(method, path) for method, path in page.evaluate(OPERATIONS)} == described


def test_every_operation_opens(page: Page) -> None:
    for number in range(len(page.evaluate(OPERATIONS))):  # all at once would take a slow machine too long to answer
        page.evaluate(f"document.querySelectorAll('.opblock-summary-control')[{number}].click()")
    page.wait_for(
        "document.querySelectorAll('.opblock .responses-table').length === document.querySelectorAll('.opblock').length"
    )
    assert page.evaluate("document.querySelectorAll('.opblock .errors-wrapper').length") == 0


def test_an_operation_can_be_tried(page: Page) -> None:
    answer = execute(page, unfold(page, "system-system_health"))
    assert answer.startswith("200")
    assert "Server is healthy" in answer


def give_key(page: Page, token: str) -> None:
    page.click(".btn.authorize")
    page.type("#api_key_value", token)
    page.click(".auth-btn-wrapper .authorize")
    page.click(".btn-done")


def test_a_key_can_be_given(page: Page, server: Server) -> None:
    give_key(page, server.token)
    assert "Login successful." in execute(page, unfold(page, "system-system_login"))


def test_a_file_can_be_stored(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\x00\xffcontent")
    (tmp_path / "browser").mkdir()
    with run_drive(tmp_path / "home") as server, open_page(server, tmp_path / "browser") as page:
        give_key(page, server.token)
        block = unfold(page, "drive-drive_put_file")
        page.type(f"{block} [data-param-name=path] input", "stored-by-the-page.bin")
        # The page takes what is typed over some time later, but at once when the field is left.
        page.evaluate("document.activeElement.blur()")
        page.choose_file(f"{block} input[type=file]", tmp_path / "a.bin")
        assert execute(page, block).startswith("201")
        assert server.ask("GET", "/api/files/stored-by-the-page.bin").body == b"\x00\xffcontent"


def test_the_files_of_the_page_are_fetched_once(server: Server) -> None:
    first = server.ask("GET", "/api/docs/swagger-ui-bundle.js")
    again = server.ask("GET", "/api/docs/swagger-ui-bundle.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (first.status, again.status, again.body) == (200, 304, b"")
    assert "unsafe" not in first.headers["Content-Security-Policy"]


def test_there_is_no_other_file(server: Server) -> None:
    assert server.ask("GET", "/api/docs/swagger-ui.css.map").json["error"] == "not_found"
