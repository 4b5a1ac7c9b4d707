"""The schema, the default configuration and the reference page are made from the classes, and up to date."""

from __future__ import annotations

import json
from enum import Enum
from inspect import getdoc
from pathlib import PurePosixPath
from typing import Annotated, get_type_hints

import attrs
import pytest
from attrs import field, frozen
from jsonschema import Draft202012Validator
from msgspec import Meta

from cloudsvc.cli.homes import find_default_sections
from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import structure
from cloudsvc.settings.leaves import find_leaves
from cloudsvc.settings.model import Settings
from cloudsvc.settings.reference import make_reference
from cloudsvc.settings.schema import make_default_config, make_schema
from scripts.settings import CHECKOUT, render

SECTIONS = find_default_sections()


class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"


@frozen(kw_only=True)
class Colours:
    """Which colours."""

    deep: Annotated[int, Meta(gt=1, lt=9, description="How deep | how far.")] = 3


@frozen(kw_only=True)
class GuestbookSettings:
    greeting: str
    key: Annotated[Secret, Meta(description="A key.")] = field(factory=lambda: Secret("x"))
    colours: Colours = field(factory=Colours)


def validator(**sections: type) -> Draft202012Validator:
    schema = json.loads(make_schema(sections))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize(("path", "content"), [*render().items()])
def test_what_is_made_from_the_classes_is_up_to_date(path: str, content: str) -> None:
    assert (CHECKOUT / path).read_text("utf-8") == content, "make settings"


def test_the_default_configuration_says_the_defaults_and_fits_the_schema() -> None:
    document = json.loads(make_default_config(SECTIONS))
    assert not list(validator(**SECTIONS).iter_errors(document))
    assert document.pop("$schema") == "./schema.json"
    for name, section in SECTIONS.items():
        assert structure(document.pop(name), section, path=name) == section()
    assert structure(document, Settings, path="config") == Settings()


@pytest.mark.parametrize(
    "document",
    [
        {"server": {"port": 65536}},
        {"server": {"prot": 1}},
        {"sever": {}},
        {"rate_limit": {"strategy": "sliding"}},
        {"json_response": {"indent": -1}},
        {"security": {"content_security_policy": "a\n"}},
    ],
)
def test_an_editor_sees_what_the_server_would_refuse(document: object) -> None:
    assert list(validator().iter_errors(document))


def test_the_schema_includes_the_sections_of_applications() -> None:
    check = validator(guestbook=GuestbookSettings)
    assert not list(check.iter_errors({"guestbook": {"greeting": "hi", "colours": {"deep": 5}}}))
    for wrong in ({}, {"greeting": 1}, {"greeting": "hi", "colours": {"deep": 9}}, {"greeting": "hi", "x": 1}):
        assert list(check.iter_errors({"guestbook": wrong}))


def test_an_application_may_name_its_classes_as_it_likes() -> None:
    @frozen(kw_only=True)
    class Settings:
        shade: Shade = Shade.LIGHT
        path: PurePosixPath = field(factory=PurePosixPath)

    check = validator(one=Settings, two=Settings)
    assert not list(check.iter_errors({"one": {"shade": "dark", "path": "/x"}, "two": {}, "server": {"port": 1}}))
    assert list(check.iter_errors({"two": {"shade": "black"}}))


def test_every_setting_says_what_it_means_in_the_reference() -> None:
    page = make_reference(SECTIONS)
    for leaf in (*find_leaves(Settings), *(leaf for name in SECTIONS for leaf in find_leaves(SECTIONS[name], name))):
        (row,) = (line for line in page.splitlines() if f"`{leaf.variable}`" in line and line.startswith("|"))
        assert len(row.split(" | ")[-1]) > 10, leaf.name


def test_every_section_says_what_it_is_for() -> None:
    sections = [each for each in get_type_hints(Settings).values() if attrs.has(each)]
    assert len(sections) > 10
    for section in sections:
        assert (getdoc(section) or "").endswith(".")


def test_the_reference_includes_the_sections_of_applications() -> None:
    page = make_reference({"guestbook": GuestbookSettings})
    assert "### `guestbook`" in page
    assert "| `greeting` | string | required |  | `CLOUDSVC__GUESTBOOK__GREETING` |  |" in page
    assert (
        "| `colours.deep` | integer | `3` | more than 1, less than 9 | `CLOUDSVC__GUESTBOOK__COLOURS__DEEP` "
        "| How deep \\| how far. |"
    ) in page
