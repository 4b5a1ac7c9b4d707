"""``generate-certificate`` wires names, days and files to the authority."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from cryptography import x509

from cloudsvc.cli.certificate import generate_certificate
from tests.support.commands import run
from tests.support.homes import write_home


def read_leaf(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def names_in(path: Path) -> list[str]:
    extension = read_leaf(path).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


def test_the_configuration_says_names_days_and_files(tmp_path: Path) -> None:
    settings = {
        "directory": "tls",
        "ssl_keyfile": "k.pem",
        "ssl_certfile": "c.pem",
        "days_valid": 7,
        "names": ["cloud.test"],
    }
    write_home(tmp_path, {"certificate": settings})
    result = run("generate-certificate", "--home", tmp_path)
    assert result.exit_code == 0
    assert (tmp_path / "tls/k.pem").stat().st_mode & 0o777 == 0o600
    leaf = read_leaf(tmp_path / "tls/c.pem")
    assert names_in(tmp_path / "tls/c.pem") == ["cloud.test"]
    assert timedelta(days=7) <= leaf.not_valid_after_utc - leaf.not_valid_before_utc < timedelta(days=8)
    assert f"wrote {tmp_path}/tls/k.pem and {tmp_path}/tls/c.pem" in result.stderr


def test_names_on_the_command_line_replace_the_configured_ones(tmp_path: Path) -> None:
    write_home(tmp_path)
    assert run("cloud.test", "192.0.2.1", "--home", tmp_path, command=generate_certificate).exit_code == 0
    assert names_in(tmp_path / "certs/cert.pem") == ["cloud.test", "192.0.2.1"]


def test_a_second_time_makes_a_new_certificate_of_the_same_authority(tmp_path: Path) -> None:
    write_home(tmp_path)
    run("generate-certificate", "--home", tmp_path)
    first, authority = read_leaf(tmp_path / "certs/cert.pem"), (tmp_path / "certs/ca.pem").read_bytes()
    result = run("generate-certificate", "--home", tmp_path)
    second = read_leaf(tmp_path / "certs/cert.pem")
    assert second.serial_number != first.serial_number
    assert (tmp_path / "certs/ca.pem").read_bytes() == authority
    assert "give it to clients" not in result.stderr


def test_a_certificate_from_elsewhere_is_left_alone(tmp_path: Path) -> None:
    write_home(tmp_path)
    run("generate-certificate", "--home", tmp_path)
    (tmp_path / "certs/ca.key.pem").unlink()
    before = (tmp_path / "certs/cert.pem").read_bytes()
    result = run("generate-certificate", "--home", tmp_path)
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 1
    assert (tmp_path / "certs/cert.pem").read_bytes() == before


def test_a_key_without_certificate_is_not_overwritten(tmp_path: Path) -> None:
    write_home(tmp_path)
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs/key.pem").write_text("mine")
    result = run("generate-certificate", "--home", tmp_path)
    assert result.exit_code == 1
    assert (tmp_path / "certs/key.pem").read_text() == "mine"


def test_names_that_are_none_are_one_line_each(tmp_path: Path) -> None:
    write_home(tmp_path)
    result = run("generate-certificate", "--home", tmp_path, "not a name", "fe80::1%eth0")
    assert result.exit_code == 1
    assert len(result.stderr.splitlines()) == 2
    assert not (tmp_path / "certs/key.pem").exists()


def configure_names(home: Path, *names: str, **settings: object) -> None:
    write_home(home, {"certificate": {"names": names, **settings}})


def test_without_names_those_of_the_present_certificate_and_its_authority_are_kept(tmp_path: Path) -> None:
    write_home(tmp_path)
    run("generate-certificate", "--home", tmp_path, "cloud.test", "192.0.2.1")
    authority = (tmp_path / "certs/ca.pem").read_bytes()
    result = run("generate-certificate", "--home", tmp_path)
    assert result.exit_code == 0
    assert names_in(tmp_path / "certs/cert.pem") == ["cloud.test", "192.0.2.1"]
    assert (tmp_path / "certs/ca.pem").read_bytes() == authority
    assert "left out: " in result.stderr
    assert "run `cloudsvc generate-certificate cloud.test 192.0.2.1 localhost 127.0.0.1 ::1`" in result.stderr


def test_without_names_configured_ones_that_the_authority_covers_are_added(tmp_path: Path) -> None:
    configure_names(tmp_path, "cloud.test")
    run("generate-certificate", "--home", tmp_path)
    configure_names(tmp_path, "cloud.test", "a.cloud.test", "b.cloud.test")
    result = run("generate-certificate", "--home", tmp_path)
    assert names_in(tmp_path / "certs/cert.pem") == ["cloud.test", "a.cloud.test", "b.cloud.test"]
    assert "ca.pem" not in result.stderr
    assert "left out" not in result.stderr


def check(home: Path) -> str:
    result = run("config", "check", "--home", home)
    assert result.exit_code == 0
    assert "no faults" in result.stdout
    return result.stderr


def test_config_check_warns_of_a_name_that_the_certificate_lacks(tmp_path: Path) -> None:
    configure_names(tmp_path, "cloud.test")
    assert check(tmp_path) == ""
    run("generate-certificate", "--home", tmp_path)
    assert check(tmp_path) == ""
    configure_names(tmp_path, "cloud.test", "a.cloud.test")
    assert "is not for a.cloud.test (certificate.names): the server adds that when it starts" in check(tmp_path)
    configure_names(tmp_path, "cloud.test", "a.cloud.test", renew=False)
    assert "run `cloudsvc generate-certificate`" in check(tmp_path)
    configure_names(tmp_path, "cloud.test", "new.test")
    assert "run `cloudsvc generate-certificate cloud.test new.test`, then give" in check(tmp_path)
    (tmp_path / "certs/ca.key.pem").unlink()
    assert "get one that is where it came from" in check(tmp_path)


def test_config_check_expects_no_local_names_of_an_authority_elsewhere(tmp_path: Path) -> None:
    configure_names(tmp_path, "cloud.test")
    run("generate-certificate", "--home", tmp_path)
    (tmp_path / "certs/ca.key.pem").unlink()
    write_home(tmp_path)
    assert check(tmp_path) == ""
