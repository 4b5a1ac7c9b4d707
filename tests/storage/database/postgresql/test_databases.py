"""Parameters of a connection that the URL does not give, and whether two URLs mean one database."""

from __future__ import annotations

import pytest
from psycopg.conninfo import conninfo_to_dict

from cloudsvc.core.secrets import Secret
from cloudsvc.storage.database.postgresql.databases import are_same, find_roots, secure

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


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("postgresql://a:x@db/cloud", "postgresql://b:y@db:5432/cloud?connect_timeout=5", True),
        ("postgresql://db1:5432,db2:5433/cloud", "postgresql://db2:5433/cloud", True),
        ("postgresql://db1,db2/cloud", "postgresql://db2,db3/cloud", True),
        ("postgresql://db1,db2/cloud", "postgresql://db3,db4/cloud", False),
        ("postgresql://db:5432/cloud", "postgresql://db:5433/cloud", False),
        ("postgresql://db/cloud", "postgresql://db/other", False),
        # The server is named behind the question mark.
        ("postgresql:///cloud?host=/run/a", "postgresql:///cloud?host=/run/b", False),
        ("postgresql:///cloud?host=/run/a", "postgresql:///cloud?host=/run/a&port=5432", True),
        # What is special in a URL, libpq takes for a part of the password.
        ("postgresql://user:pass#word@db1/cloud", "postgresql://user:pass#word@db2/cloud", False),
        ("postgresql://user:pass?word@db1/cloud", "postgresql://user:pass?word@db1/cloud", True),
    ],
)
def test_two_urls_may_mean_one_database(one: str, other: str, expected: bool) -> None:  # noqa: FBT001  # a parameter
    assert are_same(Secret(one), Secret(other)) is expected
    assert are_same(Secret(other), Secret(one)) is expected
