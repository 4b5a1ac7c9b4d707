"""An application's use of the client that openapi-python-client has generated beside this file."""

# mypy: ignore-errors
# (That client comes to be when the test runs.)

from __future__ import annotations

import os
import ssl
from io import BytesIO

from generated import AuthenticatedClient
from generated.api.drive import (
    drive_get_file,
    drive_get_thumbnail,
    drive_list_all_files,
    drive_list_files,
    drive_post_file,
    drive_put_file,
)
from generated.models import DrivePostFileBody, ErrorMessage, FilesPage, ListRequest, Sort, StoredMessage
from generated.types import File

client = AuthenticatedClient(
    base_url=os.environ["CLOUDSVC_URL"],
    token=os.environ["CLOUDSVC_TOKEN"],
    verify_ssl=ssl.create_default_context(cafile=os.environ["CLOUDSVC_CERTIFICATE"]),
)


def download(path: str) -> bytes:
    """The bytes of a file."""
    got = drive_get_file.sync(path, client=client)
    assert isinstance(got, File), got
    return got.payload.read()


put = drive_put_file.sync_detailed("python/put.json", client=client, body=File(payload=BytesIO(b'{"one": 1}')))
assert put.status_code == 201, put
assert isinstance(put.parsed, StoredMessage)
assert put.parsed.size == 10
assert download("python/put.json") == b'{"one": 1}'
replaced = drive_put_file.sync_detailed("python/put.json", client=client, body=File(payload=BytesIO(b"")))
assert replaced.status_code == 204, replaced

form = DrivePostFileBody(file=File(payload=BytesIO(b"content"), file_name="a.txt"))
post = drive_post_file.sync("python/post.txt", client=client, body=form)
assert isinstance(post, StoredMessage), post
assert download("python/post.txt") == b"content"
again = drive_post_file.sync("python/post.txt", client=client, body=form)
assert isinstance(again, ErrorMessage)
assert again.error == "already_exists"

page = drive_list_files.sync(client=client, prefix="python/", sort=Sort.PATH)
assert isinstance(page, FilesPage), page
assert [(file.filepath, file.size) for file in page.files] == [("python/post.txt", 7), ("python/put.json", 0)]
assert page.files[0].updated_at.utcoffset().total_seconds() == 0
everything = drive_list_all_files.sync(client=client, body=ListRequest(tag=None, offset=0, limit=1))
assert len(everything.files) == 1

thumbnail = drive_get_thumbnail.sync("sea.png", client=client)
assert thumbnail.payload.read().startswith(b"\xff\xd8")
