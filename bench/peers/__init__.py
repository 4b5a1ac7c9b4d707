"""
Servers to compare with, each a small program: ``python -m bench.peers.NAME``.

They run in an interpreter of their own, which need not have anything of cloudsvc, so a peer imports nothing of
``bench`` but :mod:`bench.peers.setup`.
"""
