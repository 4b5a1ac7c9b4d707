"""Names, defaults and rules of the settings."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from cloudsvc.core.secrets import Secret
from cloudsvc.core.structuring import StructureFaults, structure
from cloudsvc.settings.checks import check_storage
from cloudsvc.settings.model import Settings


def take(document: object) -> Settings:
    return structure(document, Settings, path="config")


def faults_of(document: object) -> tuple[str, ...]:
    with pytest.raises(StructureFaults) as caught:
        take(document)
    return caught.value.lines


def test_the_documented_defaults() -> None:
    settings = take({})
    assert settings == Settings()
    assert settings.server.port == 443
    assert settings.security.hsts_max_age == 31_536_000
    assert settings.security.content_security_policy == "default-src 'self'"
    assert settings.rate_limit.enabled
    assert settings.rate_limit.rate_limit == "100/minute"
    assert settings.rate_limit.transfer_limit == "6000/minute"
    assert settings.rate_limit.failure_limit == "10/minute"
    assert settings.rate_limit.storage_uri == Secret("memory://")
    assert settings.certificate.directory == "certs"
    assert settings.certificate.ssl_keyfile == "key.pem"
    assert settings.certificate.ssl_certfile == "cert.pem"
    assert settings.certificate.days_valid == 365
    assert not settings.cors.enabled
    assert settings.cors.allow_origins == ()
    assert not settings.cors.allow_credentials
    assert not settings.metrics.require_key
    assert settings.logging.max_bytes == 10 * 2**20
    assert settings.logging.backups == 5


def test_every_key_of_the_first_server_keeps_its_name() -> None:
    take(
        {
            "server": {"host": "127.0.0.1", "port": 8443},
            "security": {"hsts_max_age": 1, "content_security_policy": "default-src 'none'"},
            "cors": {
                "enabled": True,
                "allow_origins": ["https://app.example.org", "http://localhost:3000", "http://[::1]:3000"],
                "allow_credentials": True,
                "allow_methods": ["GET"],
                "allow_headers": ["X-API-Key"],
                "expose_headers": ["X-Request-ID"],
                "max_age": 10,
            },
            "rate_limit": {"enabled": False, "rate_limit": "5 per 2 hours", "storage_uri": ""},
            "certificate": {"directory": "c", "ssl_keyfile": "k", "ssl_certfile": "/c", "days_valid": 90},
            "json_response": {"ensure_ascii": True, "allow_nan": True, "indent": 2, "media_type": "application/json"},
        }
    )


@pytest.mark.parametrize(
    ("section", "content", "words"),
    [
        ("server", {"port": 65536}, "config.server.port: expected int <= 65535, got 65536"),
        ("server", {"port": -1}, "config.server.port: expected int >= 0"),
        ("server", {"host": ""}, "config.server.host: expected str of length >= 1"),
        ("server", {"host": "not a host"}, "config.server.host: 'not a host' is no address; write one of this"),
        ("server", {"endpoints": [""]}, "config.server.endpoints[0]: expected str of length >= 1"),
        ("server", {"endpoints": ["tcp:80", "foo:bar"]}, "config.server.endpoints[1]: it is not a valid endpoint"),
        ("server", {"endpoints": ["cloudsvc:tcp:notaport"]}, "description (no number is 'notaport')"),
        ("server", {"endpoints": ["tcp:70000"]}, "config.server.endpoints[0]: a port is a number from 0 to 65535"),
        ("server", {"drain_seconds": -1}, "config.server.drain_seconds: expected float >= 0"),
        ("connections", {"header_seconds": 0}, "config.connections.header_seconds: expected float > 0"),
        ("security", {"content_security_policy": "a\nSet-Cookie: b"}, "content_security_policy: expected str matching"),
        ("security", {"content_security_policy": "a\n"}, "content_security_policy: expected str matching"),
        ("cors", {"allow_methods": ["GET\n"]}, "config.cors.allow_methods[0]: expected str matching"),
        ("json_response", {"media_type": "application/json\n"}, "media_type: expected str matching"),
        ("cors", {"allow_origins": ["example.org"]}, "config.cors.allow_origins[0]: 'example.org' is no origin"),
        ("cors", {"allow_origins": ["https://a.org/"]}, "is no origin"),
        ("cors", {"allow_origins": ["https://user@a.org"]}, "is no origin"),
        ("cors", {"allow_origins": ["https://a.org:port"]}, "is no origin"),
        ("cors", {"allow_origins": ["https://[a"]}, "is no origin"),
        ("cors", {"allow_origins": ["*"], "allow_credentials": True}, "name the origins in allow_origins"),
        ("rate_limit", {"rate_limit": "often"}, "config.rate_limit.rate_limit: 'often' is no rate; write one like"),
        ("rate_limit", {"failure_limit": ""}, "config.rate_limit.failure_limit: '' is no rate"),
        ("rate_limit", {"strategy": "sliding"}, "expected one of 'fixed-window', 'moving-window', got 'sliding'"),
        ("rate_limit", {"storage_uri": "mongodb://h"}, "the address of the storage must begin with one of memory://"),
        (
            "rate_limit",
            {"strategy": "moving-window", "storage_uri": "memcached://h:1"},
            "Memcached cannot count a moving window",
        ),
        ("rate_limit", {"storage_uri": "redis://localhost:abc/0"}, "config.rate_limit.storage_uri: the address of the"),
        ("rate_limit", {"storage_uri": "redis://:p@h:70000"}, "has a port that is no number; write one like"),
        ("rate_limit", {"storage_uri": "memcached://a:1,b:c"}, "has a port that is no number; write one like"),
        ("certificate", {"days_valid": 826}, "config.certificate.days_valid: expected int <= 825"),
        ("certificate", {"names": []}, "config.certificate.names: expected array of length >= 1"),
        ("certificate", {"names": ["localhost", "a b"]}, "config.certificate.names[1]: 'a b' is no host ("),
        ("certificate", {"names": [".."]}, "config.certificate.names[0]: '..' is no host ("),
        ("json_response", {"indent": 17}, "config.json_response.indent: expected int <= 16"),
        ("logging", {"level": "loud"}, "config.logging.level: expected one of 'debug', 'info', 'warn'"),
        ("proxies", {"trusted": ["10.0.0.1/8"]}, "config.proxies.trusted[0]: 10.0.0.1/8 has host bits set"),
        ("proxies", {"trusted": ["proxy"]}, "write a network like '10.0.0.0/8'"),
        ("static", {"directory": ""}, "config.static.directory: expected str of length >= 1"),
    ],
)
def test_what_is_out_of_range_is_refused(section: str, content: dict[str, Any], words: str) -> None:
    (line,) = faults_of({section: content})
    assert line.startswith("config")
    assert words in line


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "[::1]", "fe80::1%eth0", "localhost", "my_nas.local"])  # noqa: S104  # parsed only
def test_addresses(host: str) -> None:
    take({"server": {"host": host}})


@pytest.mark.parametrize(
    "endpoint",
    [
        "tcp:0",
        "cloudsvc:haproxy:tcp:8443:interface=\\:\\:1",
        "unix:/run/cloudsvc:mode=660",
        "cloudsvc:systemd:domain=INET:index=9",
        "ssl:443:privateKey=/nonexistent:certKey=/nonexistent",
    ],
)
def test_endpoints_are_not_opened(endpoint: str) -> None:
    take({"server": {"endpoints": [endpoint]}})


@pytest.mark.parametrize(
    "uri",
    [
        *(None, "", "memory://", "redis://:pw@h:1/0", "rediss://h", "redis://[::1]:1"),
        *("redis+unix:///run/redis.sock", "memcached://h:1", "memcached://a:1,b:2"),
    ],
)
def test_storages(uri: str | None) -> None:
    take({"rate_limit": {"storage_uri": uri}})


def test_a_moving_window_counts_in_memory_and_in_redis() -> None:
    take({"rate_limit": {"strategy": "moving-window", "storage_uri": "redis://h"}})
    take({"rate_limit": {"strategy": "moving-window", "storage_uri": None}})


def test_a_wildcard_without_credentials_is_allowed() -> None:
    assert take({"cors": {"allow_origins": ["*"]}}).cors.allow_origins == ("*",)


def test_the_password_in_a_storage_address_is_in_no_fault_and_no_repr() -> None:
    uri = "mongodb://user:hunter2@h"
    assert "hunter2" not in "".join(faults_of({"rate_limit": {"storage_uri": uri}}))
    assert "hunter2" not in "".join(faults_of({"rate_limit": {"storage_uri": [uri]}}))
    assert "hunter2" not in repr(take({"rate_limit": {"storage_uri": "redis://:hunter2@h"}}))


@pytest.mark.parametrize(("uri", "module"), [("redis://:secret@h:1", "redis"), ("memcached://secret:1", "pymemcache")])
def test_a_storage_whose_client_is_not_installed_is_named_by_its_extra(
    uri: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    extra = uri.partition(":")[0]
    with pytest.raises(ValueError, match=rf"install cloudsvc\[{extra}\], or count in memory://") as refusal:
        check_storage(Secret(uri))
    assert "secret" not in str(refusal.value)
