"""Paths of the drive as they are typed."""

from __future__ import annotations


def clean_path(path: str) -> str:
    """``path`` as the API has it: the root is the empty path, and slashes around it mean nothing."""
    return path.strip("/")


def aim_path(name: str, destination: str, *, into: bool = False) -> str:
    """
    Where what is called ``name`` at its end goes: to ``destination``, or into it where that ends with a slash.

    :param into: whether that is known to be a folder.
    """
    if not (into or destination.endswith("/")):
        return clean_path(destination)
    return clean_path(f"{clean_path(destination)}/{clean_path(name).rpartition('/')[2]}")
