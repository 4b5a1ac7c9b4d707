"""Content-Disposition and types of files, as browsers are to treat them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.http import parse_options_header

from cloudsvc.api.drive.disposition import format_disposition
from cloudsvc.drive.names import parse_name
from cloudsvc.extend import CloudError

NAMES = st.text(min_size=1, max_size=60)


def spell(media_type: str, name: str) -> str:
    field, value = format_disposition(media_type, name)
    assert field == b"Content-Disposition"
    return value.decode("ascii")


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("a.png", 'filename="a.png"'),
        ("two words.png", 'filename="two words.png"'),
        ("naïve.png", "filename=\"naive.png\"; filename*=UTF-8''na%C3%AFve.png"),
        ("😀", "filename=\"_\"; filename*=UTF-8''%F0%9F%98%80"),
        ('"\\%41', "filename=\"___41\"; filename*=UTF-8''%22%5C%2541"),
        ("a;b='c'", "filename=\"a;b='c'\""),
    ],
)
def test_names(name: str, rest: str) -> None:
    assert spell("image/png", name) == f"inline; {rest}"


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/jpeg", "inline"),
        ("text/plain; charset=latin-1", "inline"),
        ("video/mp4", "inline"),
        ("audio/ogg", "inline"),
        ("image/svg+xml", "attachment"),
        ("text/html", "attachment"),
        ("text/html;text/plain", "attachment"),
        ("text/xml", "attachment"),
        ("application/pdf", "attachment"),
        ("application/octet-stream", "attachment"),
        ("", "attachment"),
    ],
)
def test_only_what_runs_nothing_is_shown(media_type: str, kind: str) -> None:
    assert spell(media_type, "a").partition(";")[0] == kind


@given(NAMES)
def test_every_name_arrives_as_it_is(name: str) -> None:
    try:
        parse_name(name)
    except CloudError:
        return
    _, options = parse_options_header(spell("image/png", name))
    assert options == {"filename": name}


@given(st.text(st.sampled_from("a\uff0f\u2044\u2215\uff3c\u2100\uff02\u00bc.")))
def test_look_alikes_do_not_become_what_they_look_like(name: str) -> None:
    plain = spell("image/png", name).partition('filename="')[2].partition('"')[0]
    assert not set(plain) & set("/\\")
