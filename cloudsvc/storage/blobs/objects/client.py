"""Client of an S3-compatible store: one request for each method, of which each blocks."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, Final, TypeAlias

from attrs import frozen
from botocore.exceptions import (  # type: ignore[import-untyped]  # has no types
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as NotConnectedError

from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.blobs.objects.deadlines import Deadline, Sending
from cloudsvc.storage.blobs.objects.entries import PendingUpload, StoredObject, read_instant
from cloudsvc.storage.blobs.objects.faults import MISSING, ObjectMissing, StoreFault, UploadMissing, classify

Note: TypeAlias = Callable[[str, str, float], None]
"""Is told the operation (of S3), its outcome (``done``, ``missing``, ``unavailable``, which may go well another time,
or ``refused``), and the seconds until its answer."""

_CHUNK: Final = 256 * 1024
"""Bytes that are taken from a connection at a time. What is larger is sent bit by bit, each with its own time."""

_WORK: Final = frozenset({"complete_multipart_upload", "copy_object", "upload_part_copy"})
"""What a store may take its time for, and say nothing."""

_MD5: Final = re.compile(r"[0-9a-f]{32}")


@frozen(kw_only=True)
class ObjectClient:
    """
    A bucket.

    :ivar client: of AWS's library, for requests that are answered soon.
    :ivar patient: another one, for those over which a store may take its time.
    :ivar deadline: of the request that is made now; those that only wait for an answer look at their silence.
    :ivar note: is told of each request, in the thread that makes it.
    """

    _bucket: str
    _client: Any
    _patient: Any
    deadline: Deadline
    _note: Note

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._patient.close()

    def put(self, key: str, content: bytes) -> None:
        """Store an object. The store has verified what arrived when this returns, and has it durably."""
        md5 = _hash(content)
        self._verify(self._ask("put_object", Key=key, Body=self._send(content), ContentMD5=_encode(md5)), md5)

    def fetch(self, key: str, most: int) -> tuple[int, bytes | None]:
        """
        The size of an object, and all of it if that is no more than ``most`` bytes.

        :raises ObjectMissing: there is none.
        """
        answer = self._ask("get_object", Key=key)
        with closing(answer["Body"]) as body:
            size: int = answer["ContentLength"]
            return size, self._receive(body, size) if size <= most else None

    def read(self, key: str, start: int, stop: int) -> bytes:
        """
        The bytes of an object from ``start`` to just before ``stop``, of which there is at least one.

        :raises ObjectMissing: there is no such object.
        """
        answer = self._ask("get_object", Key=key, Range=f"bytes={start}-{stop - 1}")
        with closing(answer["Body"]) as body:
            # One that knows no ranges would send the beginning; one that has fewer bytes, those.
            found = answer.get("ContentRange", "all of it")
            if not found.startswith(f"bytes {start}-{stop - 1}/"):
                raise StoreFault("get_object", f"{found} instead of bytes {start}-{stop - 1}", is_temporary=False)
            return self._receive(body, stop - start)

    def find_size(self, key: str) -> int:
        """
        The size of an object in bytes.

        :raises ObjectMissing: there is none.
        """
        size: int = self._ask("head_object", Key=key)["ContentLength"]
        return size

    def copy(self, source: str, destination: str) -> None:
        """
        Let the store copy an object.

        :raises ObjectMissing: there is none.
        """
        self._ask("copy_object", Key=destination, CopySource={"Bucket": self._bucket, "Key": source})

    def delete(self, keys: Sequence[str]) -> dict[str, str]:
        """Delete at most 1,000 objects. Why some are not gone, by their keys; one that is not there is gone."""
        objects = [{"Key": key} for key in keys]
        answer = self._ask("delete_objects", Delete={"Objects": objects, "Quiet": True})
        return {
            each["Key"]: each.get("Code", "unknown")
            for each in answer.get("Errors", [])
            if each.get("Code") not in MISSING
        }

    def list(
        self, prefix: str, token: str | None = None, most: int = 1000
    ) -> tuple[Sequence[StoredObject], str | None]:
        """A page of the objects whose keys begin with ``prefix``, by key; and what to ask for the next one with."""
        following = {} if token is None else {"ContinuationToken": token}
        answer = self._ask("list_objects_v2", Prefix=prefix, MaxKeys=most, **following)
        found = [
            StoredObject(key=each["Key"], modified_at=read_instant(each["LastModified"]))
            for each in answer.get("Contents", [])
        ]
        return found, answer.get("NextContinuationToken") if answer.get("IsTruncated") else None

    def begin_upload(self, key: str) -> str:
        """Begin an upload; its id."""
        upload: str = self._ask("create_multipart_upload", Key=key)["UploadId"]
        return upload

    def upload_part(self, key: str, upload: str, number: int, content: bytes) -> str:
        """
        Store a part, as :meth:`put` does; its entity tag.

        :raises UploadMissing: there is no such upload.
        """
        md5 = _hash(content)
        answer = self._ask(
            "upload_part",
            Key=key,
            UploadId=upload,
            PartNumber=number,
            Body=self._send(content),
            ContentMD5=_encode(md5),
        )
        return self._verify(answer, md5)

    def copy_part(self, *, key: str, upload: str, number: int, source: str, start: int, stop: int) -> str:
        """Let the store copy a piece of an object to a part; its entity tag."""
        answer = self._ask(
            "upload_part_copy",
            Key=key,
            UploadId=upload,
            PartNumber=number,
            CopySource={"Bucket": self._bucket, "Key": source},
            CopySourceRange=f"bytes={start}-{stop - 1}",
        )
        tag: str = answer["CopyPartResult"]["ETag"]
        return tag

    def complete(self, key: str, upload: str, tags: Sequence[str], size: int) -> None:
        """
        Make the parts with these entity tags an object of ``size`` bytes. May be called again.

        :raises ObjectMissing: there is no such upload, and there was no object made of it.
        """
        parts = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
        # The answer to an earlier call may have been lost. Then the object tells.
        with suppress(UploadMissing):
            self._ask("complete_multipart_upload", Key=key, UploadId=upload, MultipartUpload={"Parts": parts})
        found = self.find_size(key)
        if found != size:
            raise StoreFault("complete_multipart_upload", f"{found} bytes instead of {size}", is_temporary=False)

    def abort(self, key: str, upload: str) -> None:
        """Give up an upload, with all its parts. One that is not there is none."""
        with suppress(UploadMissing, ObjectMissing):
            self._ask("abort_multipart_upload", Key=key, UploadId=upload)

    def list_uploads(
        self, prefix: str, token: tuple[str, str] | None = None
    ) -> tuple[Sequence[PendingUpload], tuple[str, str] | None]:
        """A page of the uploads whose keys begin with ``prefix``; and what to ask for the next one with."""
        following = {} if token is None else {"KeyMarker": token[0], "UploadIdMarker": token[1]}
        answer = self._ask("list_multipart_uploads", Prefix=prefix, **following)
        found = [
            PendingUpload(key=each["Key"], id=each["UploadId"], begun_at=read_instant(each["Initiated"]))
            for each in answer.get("Uploads", [])
        ]
        more = (answer.get("NextKeyMarker", ""), answer.get("NextUploadIdMarker", ""))
        return found, more if answer.get("IsTruncated") and more != token else None

    def find_last_part(self, key: str, upload: str) -> Instant | None:
        """
        When the newest of the last parts of an upload was stored; ``None`` where it has none.

        :raises UploadMissing: there is no such upload.
        """
        newest, marker = None, 0
        while True:
            answer = self._ask("list_parts", Key=key, UploadId=upload, PartNumberMarker=marker)
            moments = [read_instant(each["LastModified"]) for each in answer.get("Parts", [])]
            newest = max([*moments, *([] if newest is None else [newest])], default=None)
            following = answer.get("NextPartNumberMarker") or 0
            if not answer.get("IsTruncated") or following <= marker:
                return newest
            marker = following

    def _send(self, content: bytes) -> bytes | Sending:
        return content if len(content) <= _CHUNK else Sending(content, self.deadline)

    def _receive(self, body: Any, size: int) -> bytes:
        pieces, left = [], size
        try:
            while left:
                self.deadline.check()
                piece = body.read(min(_CHUNK, left))
                if not piece:
                    raise StoreFault("get_object", f"{size - left} bytes instead of {size}", is_temporary=True)
                pieces.append(piece)
                left -= len(piece)
        except (BotoCoreError, OSError) as problem:
            raise StoreFault("get_object", type(problem).__name__, is_temporary=True) from problem
        return b"".join(pieces)

    def _verify(self, answer: dict[str, Any], md5: bytes) -> str:
        """
        The entity tag of what was stored, which is its MD5, unless the store encrypts with keys of its own.

        It has verified Content-MD5 by then; this finds one that does not.
        """
        tag: str = answer["ETag"]
        is_md5 = _MD5.fullmatch(tag.strip('"')) and answer.get("ServerSideEncryption") in {None, "AES256"}
        if is_md5 and tag.strip('"') != md5.hex():
            raise StoreFault("put_object", "the store has other bytes than were sent", is_temporary=True)
        return tag

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        began, outcome = self.deadline.seconds(), "done"
        try:
            return self._request(operation, arguments)
        except (UploadMissing, ObjectMissing):
            outcome = "missing"
            raise
        except StoreFault as fault:
            outcome = "unavailable" if fault.is_temporary else "refused"
            raise
        finally:
            self._note(operation, outcome, self.deadline.seconds() - began)

    def _request(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        client = self._patient if operation in _WORK else self._client
        try:
            answer: dict[str, Any] = getattr(client, operation)(Bucket=self._bucket, **arguments)
        except ClientError as problem:
            code = str(problem.response.get("Error", {}).get("Code", "unknown"))
            status = problem.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise classify(operation, code, status) from None
        except (NotConnectedError, HTTPClientError, ResponseStreamingError, IncompleteReadError) as problem:
            # Their texts have whole addresses and whatever came from the store.
            raise StoreFault(operation, type(problem).__name__, is_temporary=True) from None
        except BotoCoreError as problem:
            raise StoreFault(operation, type(problem).__name__, is_temporary=False) from None
        return answer


def _hash(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


def _encode(md5: bytes) -> str:
    return b64encode(md5).decode()
