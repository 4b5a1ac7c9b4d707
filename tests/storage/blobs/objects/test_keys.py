"""Keys of objects, sizes of parts, and states of suspended uploads."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.objects.keys import Keys
from cloudsvc.storage.blobs.objects.parts import PartSizes
from cloudsvc.storage.blobs.objects.states import State

BLOB = BlobId("0123456789abcdef" * 2)
GIB = 2**30


@pytest.mark.parametrize("prefix", ["", "cloud", "cloud/one"])
def test_keys_are_read_as_they_were_written(prefix: str) -> None:
    keys = Keys.below(prefix)
    for key in (keys.find(BLOB), keys.find_quarantined(BLOB)):
        assert key.startswith(prefix)
        assert keys.read_blob(key) == BLOB
        assert keys.read_state(key) is None
    assert keys.read_state(keys.find_state(BLOB, 17)) == (BLOB, 17)
    assert keys.find_state(BLOB, 17).startswith(keys.find_states(BLOB))
    assert keys.read_mark(keys.find_mark(BLOB)) == BLOB
    assert keys.read_blob(keys.find_state(BLOB, 17)) is None


def test_where_they_are() -> None:
    keys = Keys.below("cloud")
    assert keys.find(BLOB) == f"cloud/blobs/01/{BLOB}"
    assert keys.find_quarantined(BLOB) == f"cloud/quarantine/01/{BLOB}"
    assert keys.find_state(BLOB, 5) == f"cloud/suspended/{BLOB}.5"
    assert keys.installation == "cloud/installation.json"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "cloud/blobs/",
        f"cloud/blobs/02/{BLOB}",
        f"cloud/blobs/01/{BLOB}.tmp",
        f"blobs/01/{BLOB}",
        "cloud/blobs/01/x",
    ],
)
def test_what_is_somebody_elses(key: str) -> None:
    assert Keys.below("cloud").read_blob(key) is None


@pytest.mark.parametrize("blob", ["", "..", "0" * 31, "0" * 33, "../" + "0" * 29, "A" * 32, "0" * 32 + "\n"])
def test_what_is_no_id_is_no_key(blob: str) -> None:
    keys = Keys.below("cloud")
    for find in (keys.find, keys.find_quarantined, keys.find_states, keys.find_mark):
        with pytest.raises(ValueError, match="is no id"):
            find(BlobId(blob))


def test_parts_grow_so_that_a_blob_may_be_large() -> None:
    sizes = PartSizes()
    parts = [sizes.find(number) for number in range(1, sizes.most + 1)]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (8 * 2**20, 64 * 2**20)
    assert sum(parts) > 290 * GIB
    assert min(parts) >= 5 * 2**20


@given(st.integers(1, 10**14))
def test_copies_are_whole_and_in_pieces_that_a_store_copies(size: int) -> None:
    pieces = PartSizes().list_copied(size)
    assert len(pieces) <= 10_000
    assert pieces[0][0] == 0
    assert pieces[-1][1] == size
    assert all(stop == start for (_, stop), (start, _) in itertools.pairwise(pieces))
    assert all(stop - start >= 5 * 2**20 for start, stop in pieces[:-1])


@given(st.none() | st.text(), st.lists(st.text()), st.integers(0, 2**50), st.binary())
def test_states_are_read_as_they_were_written(upload: str | None, tags: list[str], stored: int, rest: bytes) -> None:
    state = State(upload=upload, tags=tags, stored=stored, rest=rest)
    assert State.decode(state.encode()) == state
    assert state.size == stored + len(rest)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"\n", b'{"upload":null,"tags":[],"stored":0,"rest":3}\n12'])
def test_what_is_no_state(content: bytes | None) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the decoder's own words
        State.decode(content)
