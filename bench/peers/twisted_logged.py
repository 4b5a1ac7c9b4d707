"""The same bare ``twisted.web`` resource with the stock access log."""

from __future__ import annotations

from bench.peers.stock import serve
from bench.peers.twisted_quiet import LOGIN

if __name__ == "__main__":
    serve(LOGIN)
