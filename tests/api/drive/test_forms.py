"""Files in forms."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from cloudsvc.api.drive.forms import FormFile
from cloudsvc.core.coroutines import start
from cloudsvc.extend import Body, CloudError, HTTPError, Kind
from cloudsvc.web.http1.body import BodyFlow
from tests.support.drive_site import BOUNDARY, FORM, DriveSite, make_form
from tests.support.reactors import in_reactor


def open_form(pieces: Iterable[bytes], content_type: str = FORM["Content-Type"]) -> FormFile:
    """The file in a body that has arrived in ``pieces``."""

    class Asked:
        requestHeaders = Headers({"Content-Type": [content_type]})
        body = Body(None, BodyFlow())

    class Slow(Body):
        """Gives each piece by itself."""

        async def read(self) -> bytes:
            return next(waiting, b"")

    waiting = iter([piece for piece in pieces if piece])
    asked: Any = Asked()
    asked.body = Slow(None, BodyFlow())
    return FormFile.of(asked)


def read(form: FormFile) -> bytes:
    async def gather() -> bytes:
        return b"".join([piece async for piece in form])

    content = start(gather())
    assert isinstance(content, bytes)
    return content


def cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(ends)]


@given(
    st.lists(st.sampled_from([b"\r\n", b"--", BOUNDARY.encode(), b"\r\n--" + BOUNDARY.encode()[:-1], b"x", b"\0"])).map(
        b"".join
    ),
    st.lists(st.integers(0, 400), max_size=5),
)
def test_the_content_arrives_however_it_was_cut(content: bytes, places: list[int]) -> None:
    if b"\r\n--" + BOUNDARY.encode() in b"\r\n" + content:
        return
    form = open_form(cut(make_form(content, media_type="image/png"), places))
    assert read(form) == content
    assert form.media_type == "image/png"


def test_cut_off_anywhere_it_is_refused() -> None:
    whole = make_form(b"content").removesuffix(b"\r\n")
    for end in range(len(whole)):
        with pytest.raises(CloudError, match="The form cannot be used"):
            read(open_form([whole[:end]]))
    assert read(open_form([whole])) == b"content"


END = f"--{BOUNDARY}--\r\n".encode()


def join(*names: str) -> bytes:
    """A form with several fields."""
    return b"".join(make_form(b"x", name=name).removesuffix(END) for name in names) + END


def write(*head: str | bytes) -> bytes:
    """A form with one part that has this head."""
    lines = [line.encode() if isinstance(line, str) else line for line in head]
    return b"\r\n".join([b"--" + BOUNDARY.encode(), *lines, b"", b"x", b"--" + BOUNDARY.encode() + b"--", b""])


DISPOSED = 'Content-Disposition: form-data; name="file"'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"content",
        f"--{BOUNDARY}--\r\n".encode(),
        join("other"),
        join(""),
        join("file", "file"),
        join("file", "other", "file"),
        join(*["other"] * 100, "file"),
        join("file", *["other"] * 100),
        write("Content-Transfer-Encoding: base64", DISPOSED),
        make_form(b"x" * 65_536, name="other").removesuffix(END) + join("file"),
        write(""),
        write("X: y"),
        write("Content-Disposition: attachment"),
        write("Content-Disposition: form-data"),
        write(f"{DISPOSED}\r\nX: {'y' * 5000}"),
        write(f"{DISPOSED}\r\n" + "X: y\r\n" * 20),
        write(DISPOSED)[:20] + b"X" * 20_000,
    ],
)
def test_what_is_no_such_form(body: bytes) -> None:
    with pytest.raises(CloudError, match="The form cannot be used"):
        read(open_form([body]))


@pytest.mark.parametrize(
    "body",
    [
        join("other", "file"),
        join("file", "other"),
        join("", "other", "file", "other"),
        write(DISPOSED, "Content-Transfer-Encoding: Binary"),
        write(DISPOSED, "Content-Type:"),
        write(DISPOSED, "Content-Type: image/png;"),
    ],
)
def test_what_else_is_in_a_form_is_passed_over(body: bytes) -> None:
    for pieces in ([body], cut(body, range(0, len(body), 7))):
        assert read(open_form(pieces)) == b"x"


NAMES = [
    *(b'"\xfc.txt"', b'"\xf0\x9f"', b'"a\x00b"', b"\xfc.txt", b'"a\\"b"', b'"unclosed', b'"a;b=c"', b'""', b""),
    *('"ü.txt"'.encode(), b'"%FC%00"', b'"C:\\a\\b"', b'"../../a"', b'"' + b"x" * 4000 + b'"'),
]


@pytest.mark.parametrize("name", NAMES)
def test_the_name_in_a_form_cannot_refuse_it(name: bytes) -> None:
    assert read(open_form([write(DISPOSED.encode() + b"; filename=" + name)])) == b"x"
    assert read(open_form([write(DISPOSED.encode() + b"; filename*=utf-8''%FC; filename=" + name)])) == b"x"


@pytest.mark.parametrize("head", [b"X\xfc: y", b"\xff", b" X: y", b"X y", b"\x00: \x00"])
def test_a_refusal_of_a_form_is_in_words(head: bytes) -> None:
    """Not in Python's, and without anything from the form that could not be printed."""
    with pytest.raises(CloudError) as refused:
        read(open_form([write(head, DISPOSED)]))
    assert refused.value.message.isascii()
    assert refused.value.message.isprintable()
    assert not set(refused.value.message) & set("()[]<>\\")


def test_a_form_inside_of_a_form_is_no_file() -> None:
    for media_type in ("multipart/form-data; boundary=x", "Multipart/Byteranges"):
        with pytest.raises(CloudError, match="envelope") as refused:
            read(open_form([make_form(b"x", media_type=media_type)]))
        assert refused.value.kind is Kind.UNSUPPORTED_TYPE


def test_the_boundary_may_stand_after_a_tab() -> None:
    assert read(open_form([make_form(b"x")], f'multipart/form-data;\tboundary="{BOUNDARY}"')) == b"x"


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "image/png",
        "multipart/form-data",
        "multipart/mixed; boundary=x",
        f"multipart/form-data; boundary={'x' * 71}",
    ],
)
def test_what_is_no_form_is_refused_unread(content_type: str) -> None:
    with pytest.raises(HTTPError) as refused:
        open_form([], content_type)
    assert refused.value.status == 415


@in_reactor
async def test_the_part_tells_the_type_or_else_the_name(drive: DriveSite) -> None:
    for path, declared, stored in [
        ("a.png", None, "image/png"),
        ("b.png", "application/octet-stream", "image/png"),
        ("c.png", "text/x-own", "text/x-own"),
    ]:
        made = await drive.ask("POST", f"/files/{path}", make_form(b"x", media_type=declared), FORM)
        assert made.status == 200
        assert (await drive.ask("GET", f"/files/{path}")).headers["Content-Type"] == stored


@in_reactor
async def test_a_refused_form_leaves_nothing(drive: DriveSite) -> None:
    for body in (make_form(b"x", name="other"), make_form(b"x" * 9000)[:-9], make_form(b"x", media_type="none")):
        assert (await drive.ask("POST", "/files/a", body, FORM)).status == 400
    assert (await drive.ask("GET", "/files/a")).status == 404
    assert await drive.opened.list_blobs() == set()
