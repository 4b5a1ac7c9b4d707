"""Applications are found by name, and whatever is wrong with one is said in one line before anything starts."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest
from twisted.internet.testing import MemoryReactorClock

from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.extend import NoSettings, Tools
from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.extensions import find_applications, find_providers, make_application
from tests.support.inline_threads import Inline

Write = Callable[..., str]

_numbers = count()

NEWLINE = "\n" + 16 * " "
"""Between the lines in the body of the class."""


HANDLER = "async def get(self, request: Request) -> Message: ..."
ROUTES = NEWLINE.join(
    (
        "class First:",
        "    app = Klein()",
        '    @route(app, "GET", "/shop")',
        f"    {HANDLER}",
        "class Second:",
        "    app = Klein()",
        '    @route(app, "GET", "/shop/b")',
        f"    {HANDLER}",
        "route_types = (First, Second)",
    )
)
"""Two classes with routes, which have the same name."""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write an application into a module of its own, and say what the configuration calls it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(
        *,
        name: str = '"shop"',
        mounts: str = '("shop",)',
        app: str = "Klein()",
        base: str = "Application[NoSettings]",
        rest: str = "",
    ) -> str:
        module = f"sample_{next(_numbers)}"
        text = f"""\
            from cloudsvc.extend import Application, Klein, Message, NoSettings, Request, Routes, route

            class Sample({base}):
                name = {name}
                mounts = {mounts}
                app = {app}
                {rest}
            """
        (tmp_path / f"{module}.py").write_text(dedent(text))
        return f"{module}:Sample"

    return write


def faults_of(*names: str) -> tuple[str, ...]:
    with pytest.raises(OperatorError) as caught:
        find_applications(names)
    assert not any("\n" in line for line in caught.value.lines)
    return caught.value.lines


def fault_of(*names: str) -> str:
    (line,) = faults_of(*names)
    return line


def test_module_and_class_name_an_application(write: Write) -> None:
    reference = write()
    ((name, found),) = find_applications([reference]).items()
    assert (name, found.__name__) == ("shop", "Sample")
    assert (found.section, found.settings_type) == ("shop", NoSettings)


def test_an_entry_point_names_an_application(write: Write, tmp_path: Path) -> None:
    information = tmp_path / "sample-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[cloudsvc.applications]\nour-shop = {write()}\n")
    assert list(find_applications(["our-shop"])) == ["shop"]
    assert "offered is: drive, identity, our-shop" in fault_of("their-shop")


def test_what_nobody_offers() -> None:
    assert fault_of("shop").startswith("config.applications: 'shop' cannot be used: no installed package offers it")


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("no_such_module:Sample", "ModuleNotFoundError"),
        ("json:Sample", "AttributeError"),
        (":Sample", "ValueError"),
    ],
)
def test_what_cannot_be_imported(reference: str, reason: str) -> None:
    assert reason in fault_of(reference)


@pytest.mark.parametrize("rest", ["1 / 0", "this is no Python"])
def test_a_module_that_fails(write: Write, rest: str) -> None:
    assert "cannot be used: importing sample_" in fault_of(write(rest=rest))


def test_two_routes_of_one_name(write: Write) -> None:
    handler = "async def get(self, request: Request) -> Message: ..."
    rest = f'@route(app, "GET", "/shop"){NEWLINE}{handler}{NEWLINE}@route(app, "GET", "/shop/b"){NEWLINE}{handler}'
    assert "two routes of one application are named 'get'" in fault_of(write(rest=rest))


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ("no subclass of cloudsvc.extend.Application", {"base": "object"}),
        ("name must be a lower-case identifier, not 'Shop'", {"name": '"Shop"'}),
        ("name must be a lower-case identifier, not 'my-shop'", {"name": '"my-shop"'}),
        ("name must be a lower-case identifier, not None", {"name": "None"}),
        ("or of paths such as '/dav', not 'shop'", {"mounts": '"shop"'}),
        ("or of paths such as '/dav', not ('a/b',)", {"mounts": '("a/b",)'}),
        ("or of paths such as '/dav', not ('..',)", {"mounts": '("..",)'}),
        ("section must be a lower-case identifier, not 'My shop'", {"rest": 'section = "My shop"'}),
        ("app must be a Klein() of each of its route_types, or its own: Sample", {"app": "None"}),
        ("settings_type must be an attrs class", {"rest": "settings_type = dict"}),
        (
            "route /other is below none of its mounts",
            {"rest": f'@route(app, "GET", "/other"){NEWLINE}async def get(self, request: Request) -> Message: ...'},
        ),
        (
            "its routes 'get' and 'list' both answer GET /api/shop",
            {
                "rest": f'@route(app, "GET", "/shop"){NEWLINE}async def get(self, request: Request) -> Message: ...'
                f'{NEWLINE}@route(app, "GET", "/shop"){NEWLINE}async def list(self, request: Request) -> Message: ...'
            },
        ),
        (
            "two of its routes are named 'get': rename one",
            {"rest": ROUTES},
        ),
        (
            "app must be a Klein() of each of its route_types, or its own: object",
            {"rest": "route_types = (object,)"},
        ),
        ("needs int, which this server does not open", {"rest": "needs = (int,)"}),
        ("mount /api is the server's own", {"mounts": '("/api",)'}),
        ("mount /api/shop is the server's own", {"mounts": '("/api/shop",)'}),
        ("has the mounts 'shop' and '/shop'", {"mounts": '("shop", "/shop")'}),
        ("not ('/dav/',)", {"mounts": '("/dav/",)'}),
        ("not ('//dav',)", {"mounts": '("//dav",)'}),
        (
            "route /shop must be made with cloudsvc.extend.route",
            {"rest": f'@app.route("/shop"){NEWLINE}def get(self, request): ...'},
        ),
    ],
)
def test_wrong_declarations(write: Write, fault: str, changes: dict[str, str]) -> None:
    assert fault in fault_of(write(**changes))


def test_all_that_is_wrong_with_one_is_said_at_once(write: Write) -> None:
    line = fault_of(write(name='"Shop"', mounts='"shop"'))
    assert "its name must" in line
    assert "; its mounts must" in line


def test_all_applications_are_looked_at(write: Write) -> None:
    assert len(faults_of("nothing", write(base="object"), write(name="1"))) == 3


def test_two_of_one_name(write: Write) -> None:
    first, second = write(), write(mounts='("other",)')
    assert fault_of(first, second) == (f"config.applications: {second} is named 'shop' like {first}; drop one of them")


def test_a_section_may_be_called_something_else(write: Write) -> None:
    (found,) = find_applications([write(rest='section = "shop_config"')]).values()
    assert found.section == "shop_config"


def test_a_section_claimed_twice(write: Write) -> None:
    first, second = write(), write(name='"other"', mounts='("other",)', rest='section = "shop"')
    assert fault_of(first, second) == (
        f"config.applications: {second} has the config section 'shop' of {first}; drop one of them"
    )


def test_a_mount_claimed_twice(write: Write) -> None:
    first, second = write(), write(name='"other"', mounts='("other", "shop")')
    assert fault_of(first, second) == (
        f"config.applications: {second} claims /api/shop, which belongs to {first}; "
        "drop one of them or choose another mount"
    )


DRIVE = """
                from cloudsvc.drive.drive import Drive
                needs = (Drive,)"""


def test_what_an_application_needs_brings_its_section(write: Write) -> None:
    (provider,) = find_providers(find_applications([write(rest=DRIVE)]).values())
    assert (provider.section, provider.settings_type) == ("storage_config", StorageSettings)
    assert find_providers(find_applications([write()]).values()) == ()


def test_the_section_and_the_name_of_what_is_opened_are_not_free(write: Write) -> None:
    (section,) = faults_of(write(rest=f'section = "storage_config"{DRIVE}'))
    assert "has the config section 'storage_config' of what this server opens" in section
    (name,) = faults_of(write(name='"drive"', rest=f'section = "other"{DRIVE}'))
    assert "is named 'drive' like what this server opens" in name


def test_a_whole_path_claimed_twice(write: Write) -> None:
    first, second = write(mounts='("/shop",)'), write(name='"other"', mounts='("other", "/shop")')
    assert fault_of(first, second) == (
        f"config.applications: {second} claims /shop, which belongs to {first}; "
        "drop one of them or choose another mount"
    )


@pytest.mark.parametrize("mount", ["health", "login", "metrics", "docs", "openapi.json"])
def test_mounts_of_the_server(write: Write, mount: str) -> None:
    assert f"claims /api/{mount}, which is the server's own" in fault_of(write(mounts=f'("{mount}",)'))


@pytest.mark.parametrize("name", ["system", "documentation"])
def test_names_of_the_server(write: Write, name: str) -> None:
    assert f"is named {name!r}, which is the server's own name" in fault_of(write(name=f'"{name}"'))


def make(reference: str, data: Path) -> None:
    (kind,) = find_applications([reference]).values()
    reactor = MemoryReactorClock()
    tools = Tools(
        clock=reactor,
        now=reactor.seconds,
        threads=Inline(),
        make_threads=lambda most: Inline(),
        processes=reactor,  # type: ignore[arg-type]  # nothing is started
        instruments=Metrics().instruments_for(kind.name),
        data=data,
    )
    make_application(kind, NoSettings(), tools)


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ('raise ValueError("no\\nshelves")', r"application shop cannot be made: ValueError: no shelves \(.*, line 9\)"),
        ('raise OperatorError(["build shelves"])', "build shelves"),
    ],
)
def test_one_that_cannot_be_made(write: Write, tmp_path: Path, statement: str, line: str) -> None:
    reference = write(
        rest=f"def __init__(self, *_):{NEWLINE}    from cloudsvc.extend import OperatorError{NEWLINE}    {statement}"
    )
    with pytest.raises(OperatorError) as caught:
        make(reference, tmp_path)
    (told,) = caught.value.lines
    assert re.fullmatch(line, told)
