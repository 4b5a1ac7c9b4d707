"""Pages with scripts in them, as the upstream web client has, in a browser: as docs/pages.md says of them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Page, browsing
from tests.support.hostile_clients import ROOT, run_trial
from tests.support.server import PATIENCE, Server

GUIDE = (ROOT / "docs" / "pages.md").read_text()
[POLICY] = re.findall(r'"content_security_policy": "(.*)"', GUIDE)
[SCRIPT] = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)

# What a static export of a Next.js site is made of: a page that waits, chunks, and data in scripts of the page.
PAGE = """\
<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Files</title>
<link rel="stylesheet" href="/_next/static/css/app.css"><link rel="icon" href="data:,">
<script src="/_next/static/chunks/main.js" async=""></script></head>
<body><div id="root" style="color: rgb(1, 2, 3)">Loading…</div>
<script>(self.__next_f=self.__next_f||[]).push([0])</script>
<script>self.__next_f.push([1,"Files of you"])</script></body></html>
"""
CHUNK = """\
const show = async data => {
    if (data[0] !== 1) return;
    const answer = await fetch("/api/health/live");
    document.getElementById("root").textContent = `${data[1]}: ${(await answer.json()).message}`;
    const image = document.createElement("img");
    image.id = "thumbnail";
    image.src = URL.createObjectURL(new Blob(["<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'/>"],
        {type: "image/svg+xml"}));
    document.body.append(image);
};
const waiting = self.__next_f = self.__next_f || [];
waiting.forEach(show);
waiting.push = show;
"""


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    pages = tmp_path / "home" / "pages"
    for name, content in {
        "index.html": PAGE,
        "_next/static/chunks/main.js": CHUNK,
        "_next/static/css/app.css": "#root { width: 77px }",
    }.items():
        (pages / name).parent.mkdir(parents=True, exist_ok=True)
        (pages / name).write_text(content)
    (tmp_path / "browser").mkdir()
    return pages


@contextmanager
def serve(pages: Path, **static: Any) -> Iterator[Server]:
    with run_trial(pages.parent, static={"directory": "pages", **static}) as server:
        yield server


def list_hashes(pages: Path) -> str:
    command = [sys.executable, "-c", SCRIPT, str(pages)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout.strip()


def look(page: Page) -> Any:
    return page.evaluate("document.getElementById('root').textContent")


@pytest.mark.parametrize("by", ["unsafe-inline", "hashes"])
def test_the_policy_of_the_guide_lets_the_web_client_work(pages: Path, tmp_path: Path, by: str) -> None:
    policy = POLICY
    if by == "hashes":
        hashes = list_hashes(pages)
        assert hashes.count("'sha256-") == 2
        policy = policy.replace("script-src 'self' 'unsafe-inline'", f"script-src 'self' {hashes}")
    with (
        serve(pages, content_security_policy=policy) as server,
        browsing(tmp_path / "browser", server.certificate) as page,
    ):
        page.open(server.url + "/")
        page.wait_for("document.getElementById('root').textContent === 'Files of you: Server is alive'")
        page.wait_for("document.getElementById('thumbnail').naturalWidth === 7")
        assert page.evaluate("getComputedStyle(document.getElementById('root')).color") == "rgb(1, 2, 3)"
        assert page.violations() == []
        assert page.complaints == []
        # Of nobody else is this the policy.
        assert server.ask("GET", "/").headers["Content-Security-Policy"] == policy
        for path in ("/api/health", "/api/nothing", "/api/login"):
            assert server.ask("GET", path).headers["Content-Security-Policy"] == "default-src 'self'"
        assert "unsafe" not in server.ask("GET", "/api/docs").headers["Content-Security-Policy"]


def test_by_default_no_script_in_a_page_runs(pages: Path, tmp_path: Path) -> None:
    with serve(pages) as server, browsing(tmp_path / "browser", server.certificate) as page:
        page.open(server.url + "/")
        page.wait_for("violations.length >= 3")  # two scripts and a style
        assert look(page) == "Loading…"


def test_the_examples_of_the_guide_are_configurations() -> None:
    examples = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL)]
    assert [example["static"]["directory"] for example in examples] == ["pages", "pages"]
