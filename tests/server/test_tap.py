"""The options of the subcommand, and what they make of those of the program around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.application.twist._options import TwistOptions
from twisted.logger import LogLevel
from twisted.scripts._twistd_unix import ServerOptions

from cloudsvc import __version__
from cloudsvc.tap import Options, make_log_observer


def parse(host: Any, *arguments: str) -> Options:
    host.parseOptions([*arguments])
    options: Options = host.subOptions
    return options


def test_endpoints_are_collected() -> None:
    assert parse(ServerOptions(), "cloudsvc")["endpoints"] == []
    assert parse(ServerOptions(), "cloudsvc", "-e", "tcp:1", "--endpoint", "tcp:2")["endpoints"] == ["tcp:1", "tcp:2"]


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(ServerOptions(), "cloudsvc", "--version")
    assert not caught.value.code
    assert capsys.readouterr().out == f"cloudsvc {__version__}\n"


@pytest.mark.parametrize(("mode", "owns_console"), [("--nodaemon", True), ("--pidfile=x", False)])
def test_twistd_logs_as_we_do(mode: str, owns_console: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    host = ServerOptions()
    options = parse(host, mode, "cloudsvc")
    assert options.takes_log
    assert options.owns_console is owns_console
    assert host["logger"] is make_log_observer


@pytest.mark.parametrize("choice", ["--logfile=own.log", "--syslog", "--logger=builtins.print"])
def test_twistd_logs_where_it_was_told(choice: str) -> None:
    host = ServerOptions()
    options = parse(host, "--nodaemon", choice, "cloudsvc")
    assert not options.takes_log
    assert not options.owns_console
    assert host["logger"] in {None, print}


def test_twist_logs_as_we_do() -> None:
    host = TwistOptions()
    options = parse(host, "cloudsvc")
    assert options.takes_log
    assert options.owns_console
    assert host["fileLogObserverFactory"] is make_log_observer
    assert host["logLevel"] is LogLevel.debug


def test_twist_leaves_out_what_it_was_told_to() -> None:
    host = TwistOptions()
    assert parse(host, "--log-level=warn", "cloudsvc").takes_log
    assert host["logLevel"] is LogLevel.warn


@pytest.mark.parametrize("choice", ["--log-format=text", "--log-file=+", "--log-file=own.log"])
def test_twist_logs_where_and_how_it_was_told(choice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    host = TwistOptions()
    options = parse(host, choice, "cloudsvc")
    assert not options.takes_log
    assert host["fileLogObserverFactory"] is not make_log_observer
    if choice.endswith("own.log"):
        host["logFile"].close()
