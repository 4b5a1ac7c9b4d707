"""Parameters that a peer gets from the benchmark, and the answer that each of them gives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

ANSWER: dict[str, int | str] = {"code": 200, "message": "Login successful.", "timestamp": "2026-01-01T00:00:00.000000Z"}
BODY = b'{"code":200,"message":"Login successful.","timestamp":"2026-01-01T00:00:00.000000Z"}'
HOST = "127.0.0.1"

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'self'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Setup(NamedTuple):
    """
    Where to listen and with what.

    :ivar directory: an empty directory for the peer's own files, such as its log.
    :ivar token_hash: SHA-256 of the key that a guarded peer demands, in hexadecimal.
    """

    port: int
    certificate: Path
    key: Path
    directory: Path
    token_hash: str

    def to_environment(self) -> dict[str, str]:
        """The setup as environment variables."""
        return {f"BENCH_{name.upper()}": str(value) for name, value in self._asdict().items()}

    @classmethod
    def from_environment(cls) -> Setup:
        """The setup that the benchmark put into this process's environment."""
        return cls(
            port=int(os.environ["BENCH_PORT"]),
            certificate=Path(os.environ["BENCH_CERTIFICATE"]),
            key=Path(os.environ["BENCH_KEY"]),
            directory=Path(os.environ["BENCH_DIRECTORY"]),
            token_hash=os.environ["BENCH_TOKEN_HASH"],
        )
