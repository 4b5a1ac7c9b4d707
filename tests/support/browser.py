"""A headless Chromium with one page, driven through its DevTools protocol."""

from __future__ import annotations

import json
import os
import subprocess
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from attrs import define, field
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_pem_x509_certificate
from websockets.sync.client import ClientConnection, connect

from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE, wait_until

_QUIET = (
    *("--headless", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1200,1600"),
)

_WATCH = """\
window.violations = [];
addEventListener("securitypolicyviolation", event => violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


@define(eq=False)
class Page:
    """
    The page.

    :ivar complaints: errors of its scripts, of its console, and of what it loads.
    :ivar requested: addresses of everything it has asked for.
    :ivar removed: fields that are taken out of answers, in small letters; see :meth:`remove`.
    """

    _connection: ClientConnection
    _number: int = 0
    complaints: list[str] = field(factory=list)
    requested: list[str] = field(factory=list)
    removed: frozenset[str] = frozenset()

    def open(self, url: str) -> None:
        """Go to ``url`` and wait until everything is loaded that the document names."""
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, as data."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """The value of an expression, once it is true."""
        found: list[Any] = [None]

        def look() -> Any:
            found[0] = self.evaluate(expression)
            return found[0]

        wait_until(look, lambda: f"never true: {expression}; {self.complaints}")
        return found[0]

    def click(self, selector: str) -> None:
        """Click what is, or will be, at ``selector``."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def type(self, selector: str, text: str) -> None:
        """Type into the field at ``selector``."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def choose_file(self, selector: str, file: Path) -> None:
        """Choose ``file`` in the field at ``selector``."""
        self.wait_for(f"document.querySelector({json.dumps(selector)}) !== null")
        field = self.call("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        self.call("DOM.setFileInputFiles", files=[str(file)], objectId=field["result"]["objectId"])

    def look(self, file: Path) -> None:
        """Write a picture of the whole page, for people."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(b64decode(shot["data"]))

    def remove(self, *names: str) -> None:
        """From now on, treat answers as if they had no fields of these names."""
        self.removed = frozenset(name.lower() for name in names)
        self.call("Fetch.enable", patterns=[{"requestStage": "Response"}])

    def violations(self) -> Any:
        """What the page's Content-Security-Policy has refused."""
        return self.evaluate("violations")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """The result of a command of the protocol. Events that come before it are noted."""
        number = self._send(method, parameters)
        while True:
            message: dict[str, Any] = json.loads(self._connection.recv(timeout=PATIENCE))
            if message.get("id") == number:
                assert "error" not in message, message["error"]
                result: dict[str, Any] = message["result"]
                return result
            if "method" in message:
                self._note(message["method"], message["params"])

    def _send(self, method: str, parameters: dict[str, Any]) -> int:
        self._number += 1
        self._connection.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        return self._number

    def _note(self, event: str, parameters: dict[str, Any]) -> None:
        match event:
            case "Network.requestWillBeSent":
                self.requested.append(parameters["request"]["url"])
            case "Fetch.requestPaused":
                self._send("Fetch.continueResponse", self._strip(parameters))
            case "Runtime.exceptionThrown":
                self.complaints.append(parameters["exceptionDetails"]["text"])
            case "Runtime.consoleAPICalled" if parameters["type"] in {"error", "warning", "assert"}:
                self.complaints.append(" ".join(str(each.get("value", each)) for each in parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] in {"error", "warning"}:
                self.complaints.append(f"{parameters['entry']['text']} ({parameters['entry'].get('url')})")

    def _strip(self, paused: dict[str, Any]) -> dict[str, Any]:
        if "responseStatusCode" not in paused:  # it has failed
            return {"requestId": paused["requestId"]}
        kept = [each for each in paused["responseHeaders"] if each["name"].lower() not in self.removed]
        return {
            "requestId": paused["requestId"],
            "responseCode": paused["responseStatusCode"],
            "responseHeaders": kept,
        }


@contextmanager
def browsing(directory: Path, certificate: Path) -> Iterator[Page]:
    """
    An empty page.

    Chromium is told to trust one key, that of the first certificate in the file: it has no option to trust an
    authority, and the store where it looks for them belongs to the user who runs the tests.

    :param directory: empty; for the browser's profile.
    """
    program = require_tool("chromium", "chromium")
    key = load_pem_x509_certificate(certificate.read_bytes()).public_key()
    digest = sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    options = (
        f"--user-data-dir={directory}",
        f"--ignore-certificate-errors-spki-list={b64encode(digest).decode()}",
        "--remote-debugging-port=0",
        # Its sandbox does not work for root, as whom containers run their tests.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    )
    with (directory / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, *_QUIET, *options, "about:blank"], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        with connect(_find_page(directory), max_size=None) as connection:
            page = Page(connection)
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.call(f"{domain}.enable")
            page.call("Page.addScriptToEvaluateOnNewDocument", source=_WATCH)
            yield page
            page.call("Browser.close")
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()


def _find_page(directory: Path) -> str:
    file = directory / "DevToolsActivePort"
    wait_until(lambda: file.exists() and "\n" in file.read_text(), (directory / "output").read_text)
    port = file.read_text().partition("\n")[0]
    found: list[str] = []

    def has_page() -> bool:
        with urlopen(f"http://127.0.0.1:{port}/json/list", timeout=PATIENCE) as answer:
            found.extend(each["webSocketDebuggerUrl"] for each in json.load(answer) if each["type"] == "page")
        return bool(found)

    wait_until(has_page, lambda: "the browser has no page")
    return found[0]
