"""A tree is read as it is; what a drive cannot take is named."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudsvc.administration.faults import MetadataMissingError
from cloudsvc.administration.source import FoundFile, Tree, read_pieces, read_tree
from cloudsvc.core.errors import OperatorError
from tests.support.upstream import describe, make_upstream

FILES = {"a.txt": (b"a", ["one"]), "animals/cat.png": (b"cat", [])}


def write(directory: Path, *paths: str) -> None:
    for path in paths:
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(path.encode())


def paths(tree: Tree) -> list[str]:
    return sorted(str(file.path) for file in tree.files)


def test_files_and_empty_folders_are_found(tmp_path: Path) -> None:
    write(tmp_path, "a", "b/c/d", ".hidden", "b/100%.txt")
    (tmp_path / "b/empty").mkdir()
    os.utime(tmp_path / "a", ns=(0, 1_234_567_891))
    tree = read_tree(tmp_path)
    assert paths(tree) == [".hidden", "a", "b/100%.txt", "b/c/d"]
    assert [str(folder) for folder in tree.folders] == ["b/empty"]
    [found] = (file for file in tree.files if str(file.path) == "a")
    assert (found.size, found.modified_at, found.place) == (1, 1_234_567, tmp_path / "a")
    assert tree.faults == tree.left_out == []


def test_links_and_devices_are_left_out_and_named(tmp_path: Path) -> None:
    write(tmp_path, "tree/a", "outside/secret")
    (tmp_path / "tree/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "tree/file").symlink_to(tmp_path / "outside/secret")
    (tmp_path / "tree/dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "tree/pipe")
    tree = read_tree(tmp_path / "tree")
    assert paths(tree) == ["a"]
    assert len(tree.left_out) == 4
    assert sum("is a link" in line for line in tree.left_out) == 3
    assert any("pipe' is neither a file nor a folder" in line for line in tree.left_out)


def test_names_that_a_drive_cannot_have_are_faults(tmp_path: Path) -> None:
    write(tmp_path, "good")
    for name in (b"new\nline", b"latin-\xe9"):
        (tmp_path / os.fsdecode(name)).touch()
    tree = read_tree(tmp_path)
    assert paths(tree) == ["good"]
    assert len(tree.faults) == 2
    assert not any("\n" in fault for fault in tree.faults)
    assert "".join(tree.faults).isascii()


def test_a_folder_that_cannot_be_read_is_a_fault_and_keeps_nobody_from_the_rest(tmp_path: Path) -> None:
    write(tmp_path, "good", "deep/good")
    folder = os.open(tmp_path / "deep", os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=folder)
        below = os.open("d" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    tree = read_tree(tmp_path)
    assert paths(tree) == ["deep/good", "good"]
    [fault] = tree.faults
    assert fault.endswith("File name too long")


def test_two_names_that_are_one_in_a_drive_are_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "e\u0301", "\u00e9")
    tree = read_tree(tmp_path)
    assert len(tree.files) == 1
    [fault] = tree.faults
    assert "the same name" in fault


@pytest.mark.parametrize("named", [".", "storage"])
def test_the_folder_of_an_upstream_server_is_known(tmp_path: Path, named: str) -> None:
    make_upstream(tmp_path, FILES)
    tree = read_tree(tmp_path / named)
    assert paths(tree) == ["a.txt", "animals/cat.png"]
    assert tree.metadata["a.txt"].tags == ("one",)
    assert tree.left_out == tree.faults == tree.folders == []


def test_an_upstream_server_without_files_has_none(tmp_path: Path) -> None:
    make_upstream(tmp_path, {})
    (tmp_path / "storage/.thumbnails").mkdir(parents=True)
    assert read_tree(tmp_path).files == read_tree(tmp_path).folders == []


def test_an_export_with_a_folder_called_storage_is_no_upstream_server(tmp_path: Path) -> None:
    make_upstream(tmp_path, {})
    write(tmp_path, "storage/a", "storage/.thumbnails/a")
    listed = {path: describe(path) for path in ("storage/a", "storage/.thumbnails/a")}
    (tmp_path / "metadata.json").write_text(str(listed).replace("'", '"'))
    assert paths(read_tree(tmp_path)) == ["storage/.thumbnails/a", "storage/a"]


def test_files_that_are_listed_and_not_there_are_named(tmp_path: Path) -> None:
    make_upstream(tmp_path, FILES)
    (tmp_path / "storage/a.txt").unlink()
    tree = read_tree(tmp_path)
    assert paths(tree) == ["animals/cat.png"]
    [line] = tree.left_out
    assert "'a.txt' is listed" in line


def test_tags_and_dates_may_lie_elsewhere(tmp_path: Path) -> None:
    make_upstream(tmp_path / "elsewhere", FILES)
    write(tmp_path / "tree", "a.txt", "metadata.json")
    tree = read_tree(tmp_path / "tree", metadata_file=tmp_path / "elsewhere/metadata.json")
    assert paths(tree) == ["a.txt", "metadata.json"]
    assert tree.metadata["a.txt"].tags == ("one",)


def test_a_file_of_that_name_can_be_a_file_like_others(tmp_path: Path) -> None:
    write(tmp_path, "metadata.json", ".thumbnails/a")
    with pytest.raises(MetadataMissingError, match="does not hold tags"):
        read_tree(tmp_path)
    assert paths(read_tree(tmp_path, plain=True)) == [".thumbnails/a", "metadata.json"]


def test_what_is_no_directory_is_told(tmp_path: Path) -> None:
    write(tmp_path, "file")
    for name in ("file", "missing"):
        with pytest.raises(OperatorError, match="is no directory"):
            read_tree(tmp_path / name)


def find(directory: Path) -> FoundFile:
    [found] = read_tree(directory).files
    return found


def test_content_comes_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcde")
    assert [*read_pieces(find(tmp_path), 2)] == [b"ab", b"cd", b"e"]


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcde")
    found = find(tmp_path)
    pieces = read_pieces(found, 2)
    assert next(pieces) == b"ab"
    with (tmp_path / "a").open("ab") as file:
        file.write(b"more")
    with pytest.raises(OSError, match="changed"):
        list(pieces)
    with pytest.raises(OSError, match="changed"):
        list(read_pieces(found, 2))


def test_a_link_that_took_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcde")
    found = find(tmp_path)
    (tmp_path / "a").unlink()
    (tmp_path / "a").symlink_to("/etc/passwd")
    with pytest.raises(OSError, match="symbolic links"):
        list(read_pieces(found, 2))


def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "tree/folder").mkdir(parents=True)
    (tmp_path / "tree/folder/a").write_bytes(b"abcde")
    found = find(tmp_path / "tree")
    (tmp_path / "tree/folder").rename(tmp_path / "elsewhere")
    (tmp_path / "tree/folder").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="Not a directory"):
        list(read_pieces(found, 2))


def test_the_directory_itself_may_be_one(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/a").write_bytes(b"abcde")
    (tmp_path / "link").symlink_to("tree")
    assert [*read_pieces(find(tmp_path / "link"), 10)] == [b"abcde"]
