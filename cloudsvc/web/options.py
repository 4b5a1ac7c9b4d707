"""Answers to ``OPTIONS`` (RFC 9110 section 9.3.7)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cloudsvc.web.errors import list_methods
from cloudsvc.web.responses import Response

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
"""What some route of this server answers; ``OPTIONS *`` asks for it."""


def answer_options(allowed: Iterable[str | bytes]) -> Response:
    """An answer without content that allows ``allowed``."""
    return Response(status=204, headers=((b"Allow", list_methods(allowed)),))
