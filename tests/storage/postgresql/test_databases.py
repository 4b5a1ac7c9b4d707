"""Parameters of a connection that the URL does not give."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from cloudsvc.storage.catalogue.postgresql.databases import find_roots, secure

VERIFIED = {"sslmode": "verify-full", "sslrootcert": find_roots()}


@pytest.mark.parametrize(
    ("url", "parameters"),
    [
        ("postgresql://db.example.org/cloud", VERIFIED),
        ("postgresql://user:secret@10.0.0.1:5433/cloud", VERIFIED),
        ("postgresql://localhost,db.example.org/cloud", VERIFIED),
        ("postgresql://db.example.org/cloud?sslrootcert=/ca.pem", {"sslmode": "verify-full"}),
        ("postgresql://db.example.org/cloud?sslmode=disable", {}),
        ("postgresql://db.example.org/cloud?sslmode=require", {}),
        ("postgresql:///cloud", {}),
        ("postgresql:///cloud?host=/run/postgresql", {}),
        ("postgresql://localhost/cloud", {}),
        ("postgresql://127.0.0.1:5433/cloud", {}),
        ("postgresql://[::1]/cloud", {}),
    ],
)
def test_a_server_elsewhere_has_to_prove_who_it_is(url: str, parameters: dict[str, str]) -> None:
    assert secure(conninfo_to_dict(url)) == parameters
