"""A home and an environment give settings, or every fault there is."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.server.extensions import find_applications
from cloudsvc.settings.home import Home
from cloudsvc.settings.loading import load
from tests.support.homes import faults_of, load_config, no_applications, write_home

HASH = "ab" * 32


@frozen(kw_only=True)
class Colours:
    deep: Annotated[int, Meta(ge=1)] = 3


@frozen(kw_only=True)
class GuestbookSettings:
    greeting: str
    most: Annotated[int, Meta(ge=1)] = 10
    colours: Colours = field(factory=Colours)


@frozen
class Guestbook:
    """An application as far as the configuration knows it."""

    section: str = "guestbook"
    settings_type: type = GuestbookSettings


def find_guestbook(names: tuple[str, ...]) -> Mapping[str, Guestbook]:
    assert names == ("guestbook",)
    return {"guestbook": Guestbook()}


# The file


def test_an_empty_configuration_gives_the_defaults(tmp_path: Path) -> None:
    loaded = load_config(tmp_path)
    assert loaded.settings.server.port == 443
    assert loaded.token_hash is None
    assert set(loaded.origins.values()) == {"default"}


def test_a_missing_configuration_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        load(Home(root=tmp_path), {}, no_applications)
    assert caught.value.lines == (
        f"{tmp_path}/config/config.json is missing; write one with `cloudsvc init {tmp_path}`",
    )


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ('{"server": {\n  "port": 1\n "host": ""}}', "line 3, column 2: "),
        ("", "line 1, column 1: Expecting value"),
        ("[]", "it must hold one JSON object"),
        (b'{"a": "\xff"}', "byte 7 is not UTF-8"),
        ('{"server": {"port": 1, "port": 2}}', "the key 'port' stands twice"),
        ('{"server": {"port": NaN}}', "NaN is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"server": {"port": ' + "9" * 5000 + "}}", "config.json: "),
    ],
)
def test_a_broken_file_is_one_fault_that_says_where(tmp_path: Path, config: str | bytes, words: str) -> None:
    (line,) = faults_of(tmp_path, config)
    assert line.startswith(f"{tmp_path}/config/config.json")
    assert words in line


def test_a_directory_in_place_of_the_file_is_a_fault(tmp_path: Path) -> None:
    home = Home(root=tmp_path)
    home.config_file.mkdir(parents=True)
    with pytest.raises(OperatorError, match="cannot be read"):
        load(home, {}, no_applications)


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load_config(tmp_path, b'\xef\xbb\xbf{"server": {"port": 1}}').settings.server.port == 1


def test_the_file_is_never_changed(tmp_path: Path) -> None:
    text = '{"server":{"port":1}}   '
    load_config(tmp_path, text, PORT="2")
    assert (tmp_path / "config/config.json").read_text() == text


def test_all_faults_of_all_sources_are_told_at_once(tmp_path: Path) -> None:
    lines = faults_of(
        tmp_path,
        {"rate_limit": {"enabled": "false"}, "server": {"prot": 1}, "sever": {}, "cors": 5},
        "CLOUDSVC__SERVER__DRAIN_SECONDS=soon\n",
        PORT="80443",
        CLOUDSVC__SERVR__PORT="1",
        API_TOKEN_HASH="hunter2",
    )
    assert set(lines) == {
        "config.rate_limit.enabled: expected bool, got 'false'",
        "config.server.prot: unknown key; did you mean 'port'?",
        "config.sever: unknown key; did you mean 'server'?",
        "config.cors: expected object, got 5",
        ".env CLOUDSVC__SERVER__DRAIN_SECONDS: expected float, got 'soon'",
        "environment PORT: expected int <= 65535, got 80443",
        "environment CLOUDSVC__SERVR__PORT: unknown setting; did you mean 'CLOUDSVC__SERVER__PORT'?",
        (
            "environment API_TOKEN_HASH: expected the SHA-256 of a token, 64 hexadecimal digits; "
            "make a token with `cloudsvc generate-new-token`"
        ),
    }


# The environment


@pytest.mark.parametrize(
    ("environ", "env", "port", "origin"),
    [
        ({}, "", 1, "config/config.json"),
        ({"PORT": "2"}, "", 2, "environment PORT"),
        ({"PORT": "2", "CLOUDSVC__SERVER__PORT": "3"}, "", 3, "environment CLOUDSVC__SERVER__PORT"),
        ({}, "PORT=4", 4, ".env PORT"),
        ({}, "CLOUDSVC__SERVER__PORT=4", 4, ".env CLOUDSVC__SERVER__PORT"),
        ({"PORT": "2"}, "CLOUDSVC__SERVER__PORT=4", 2, "environment PORT"),
        ({"PORT": ""}, "PORT=4", 4, ".env PORT"),
        ({"PORT": ""}, "PORT=\nCLOUDSVC__SERVER__PORT", 1, "config/config.json"),
    ],
)
def test_the_environment_wins_over_the_env_file_and_both_over_the_file(
    tmp_path: Path, environ: dict[str, str], env: str, port: int, origin: str
) -> None:
    loaded = load_config(tmp_path, {"server": {"port": 1}}, env, **environ)
    assert loaded.settings.server.port == port
    assert loaded.origins["server.port"] == origin
    assert loaded.origins["server.host"] == "default"


def test_text_is_decoded_by_the_type_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "5").mkdir()
    settings = load_config(
        tmp_path,
        HOST="127.0.0.1",
        CLOUDSVC__SERVER__DRAIN_SECONDS="1.5",
        CLOUDSVC__RATE_LIMIT__ENABLED="false",
        CLOUDSVC__RATE_LIMIT__STRATEGY="moving-window",
        CLOUDSVC__RATE_LIMIT__STORAGE_URI="redis://:pw@h",
        CLOUDSVC__JSON_RESPONSE__INDENT="2",
        CLOUDSVC__STATIC__DIRECTORY="5",
        CLOUDSVC__PROXIES__TRUSTED='["10.0.0.0/8"]',
    ).settings
    assert settings.server.host == "127.0.0.1"
    assert settings.server.drain_seconds == 1.5
    assert settings.rate_limit.enabled is False
    assert settings.rate_limit.strategy == "moving-window"
    assert settings.rate_limit.storage_uri == Secret("redis://:pw@h")
    assert settings.json_response.indent == 2
    assert settings.static.directory == "5"
    assert settings.proxies.trusted == ("10.0.0.0/8",)


def test_null_unsets_what_may_be_unset(tmp_path: Path) -> None:
    config = {"json_response": {"indent": 2}, "static": {"directory": "www"}}
    settings = load_config(
        tmp_path, config, CLOUDSVC__JSON_RESPONSE__INDENT="null", CLOUDSVC__STATIC__DIRECTORY="null"
    ).settings
    assert settings.json_response.indent is None
    assert settings.static.directory is None


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("CLOUDSVC__RATE_LIMIT__ENABLED", "False", "expected bool, got 'False'"),
        ("CLOUDSVC__RATE_LIMIT__ENABLED", "1", "expected bool, got 1"),
        ("CLOUDSVC__SERVER__PORT", '"443"', "expected int, got '443'"),
        ("CLOUDSVC__SERVER__PORT", "443.0", "expected int, got 443.0"),
        ("CLOUDSVC__SERVER__PORT", "0443", "expected int, got '0443'"),
        ("CLOUDSVC__SERVER__DRAIN_SECONDS", "NaN", "expected float, got 'NaN'"),
        ("CLOUDSVC__PROXIES__TRUSTED", "10.0.0.0/8", "expected array, got '10.0.0.0/8'"),
        ("CLOUDSVC__SERVER__HOST", "null", None),
    ],
)
def test_decoded_text_meets_the_same_strictness(tmp_path: Path, name: str, text: str, fault: str | None) -> None:
    if fault is None:
        load_config(tmp_path, **{name: text})
    else:
        assert faults_of(tmp_path, **{name: text}) == (f"environment {name}: {fault}",)


def test_a_fault_in_a_list_names_variable_and_place(tmp_path: Path) -> None:
    (line,) = faults_of(tmp_path, CLOUDSVC__PROXIES__TRUSTED='["10.0.0.0/8", "x"]')
    assert line.startswith("environment CLOUDSVC__PROXIES__TRUSTED[1]: ")


def test_rules_between_settings_hold_whatever_their_sources(tmp_path: Path) -> None:
    (line,) = faults_of(tmp_path, {"cors": {"allow_credentials": True}}, CLOUDSVC__CORS__ALLOW_ORIGINS='["*"]')
    assert line.startswith("config.cors: allow_credentials")


def test_the_name_of_the_home_and_empty_variables_are_no_settings(tmp_path: Path) -> None:
    load_config(tmp_path, CLOUDSVC_HOME="/x", CLOUDSVC__NO__SUCH="", CLOUDSVC__SERVER__PORT="")


def test_a_section_that_is_no_object_is_told_even_where_a_variable_sets_one_of_its_keys(tmp_path: Path) -> None:
    assert faults_of(tmp_path, {"server": 5}, PORT="1") == ("config.server: expected object, got 5",)


# The token


def test_the_hash_of_the_token_comes_from_the_env_file_or_the_environment(tmp_path: Path) -> None:
    loaded = load_config(tmp_path, env=f"API_TOKEN_HASH={HASH.upper()}")
    assert loaded.token_hash == Secret(HASH)
    assert loaded.origins["API_TOKEN_HASH"] == ".env API_TOKEN_HASH"
    other = "cd" * 32
    assert load_config(tmp_path, env=f"API_TOKEN_HASH={HASH}", API_TOKEN_HASH=other).token_hash == Secret(other)
    assert load_config(tmp_path, env="API_TOKEN_HASH=").token_hash is None


@pytest.mark.parametrize("text", ["hunter2", HASH[:-1], HASH + "a", "g" * 64])
def test_what_is_no_hash_is_refused_without_being_shown(tmp_path: Path, text: str) -> None:
    (line,) = faults_of(tmp_path, API_TOKEN_HASH=text)
    assert line.startswith("environment API_TOKEN_HASH: ")
    assert text not in line


def test_no_secret_is_in_the_repr_of_what_was_loaded(tmp_path: Path) -> None:
    loaded = load_config(tmp_path, {"rate_limit": {"storage_uri": "redis://:hunter2@h"}}, f"API_TOKEN_HASH={HASH}")
    assert "hunter2" not in repr(loaded)
    assert HASH not in repr(loaded)


@pytest.mark.parametrize(
    ("env", "words"),
    [("A=1\n=\nB", ", line 2: write NAME=value"), ("A='\n", ", line 1: write NAME=value")],
)
def test_a_line_of_the_env_file_that_is_none_is_a_fault(tmp_path: Path, env: str, words: str) -> None:
    assert faults_of(tmp_path, env=env)[0] == f"{tmp_path}/.env{words}"


# Applications


def test_an_application_has_a_section_like_the_servers_own(tmp_path: Path) -> None:
    config = {"applications": ["guestbook"], "guestbook": {"greeting": "hello"}}
    environ = {"CLOUDSVC__GUESTBOOK__MOST": "20", "CLOUDSVC__GUESTBOOK__COLOURS__DEEP": "5"}
    loaded = load(write_home(tmp_path, config), environ, find_guestbook)
    assert loaded.sections == {"guestbook": GuestbookSettings(greeting="hello", most=20, colours=Colours(deep=5))}
    assert loaded.applications == {"guestbook": Guestbook()}
    assert loaded.origins["guestbook.greeting"] == "config/config.json"
    assert loaded.origins["guestbook.colours.deep"] == "environment CLOUDSVC__GUESTBOOK__COLOURS__DEEP"


def test_applications_can_be_named_by_the_environment(tmp_path: Path) -> None:
    environ = {"CLOUDSVC__APPLICATIONS": '["guestbook"]', "CLOUDSVC__GUESTBOOK__GREETING": "hi"}
    assert load(write_home(tmp_path), environ, find_guestbook).sections["guestbook"].greeting == "hi"


def test_faults_in_the_section_of_an_application_are_told_like_others(tmp_path: Path) -> None:
    config = {"applications": ["guestbook"], "guestbook": {"most": 0, "gretting": "x"}, "gestbook": {}}
    with pytest.raises(OperatorError) as caught:
        load(write_home(tmp_path, config), {"CLOUDSVC__GUESTBOOK__MOSTE": "1"}, find_guestbook)
    assert set(caught.value.lines) == {
        "config.guestbook.greeting: missing",
        "config.guestbook.gretting: unknown key; did you mean 'greeting'?",
        "config.guestbook.most: expected int >= 1, got 0",
        "config.gestbook: unknown key; did you mean 'guestbook'?",
        "environment CLOUDSVC__GUESTBOOK__MOSTE: unknown setting; did you mean 'CLOUDSVC__GUESTBOOK__MOST'?",
    }


def test_a_section_of_an_application_that_is_not_loaded_is_unknown(tmp_path: Path) -> None:
    assert faults_of(tmp_path, {"guestbook": {}}) == ("config.guestbook: unknown key",)


def test_applications_that_cannot_be_found_are_told_without_blaming_their_sections(tmp_path: Path) -> None:
    def find_nothing(names: tuple[str, ...]) -> Mapping[str, Guestbook]:
        raise OperatorError([f"config.applications: there is no {name!r}" for name in names])

    config = {"applications": ["guestbook"], "guestbook": {"most": 0}, "server": {"port": "1"}}
    with pytest.raises(OperatorError) as caught:
        load(write_home(tmp_path, config), {"CLOUDSVC__GUESTBOOK__MOST": "1"}, find_nothing)
    assert set(caught.value.lines) == {
        "config.applications: there is no 'guestbook'",
        "config.server.port: expected int, got '1'",
    }


def test_applications_of_the_wrong_type_are_one_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path, {"applications": "guestbook"}) == (
        "config.applications: expected array, got 'guestbook'",
    )


def test_with_a_fault_in_the_applications_everything_else_is_checked(tmp_path: Path) -> None:
    def find(names: tuple[str, ...]) -> Mapping[str, Guestbook]:
        if "nothing" in names:
            raise OperatorError(["config.applications: there is no 'nothing'"])
        return {} if names in {("drive",), ("identity",)} else find_guestbook(names)

    config = {
        "applications": ["guestbook", "nothing"],
        "guestbook": {"greeting": "x", "most": 0},
        "nothing": {"of": "which nobody knows"},
        "server": {"port": "1", "prot": 1},
    }
    environ = {"CLOUDSVC__SERVER__PROT": "1", "CLOUDSVC__GUESTBOOK__MOSTE": "1", "CLOUDSVC__NOTHING__X": "1"}
    with pytest.raises(OperatorError) as caught:
        load(write_home(tmp_path, config), environ, find)
    assert sorted(line.partition(":")[0] for line in caught.value.lines) == [
        "config.applications",
        "config.guestbook.most",
        "config.server.port",
        "config.server.prot",
        "environment CLOUDSVC__GUESTBOOK__MOSTE",
        "environment CLOUDSVC__SERVER__PROT",
    ]


@pytest.mark.parametrize("applications", ["drive", ["drive", 5], ["nope"]])
def test_whatever_the_applications_are_the_drive_is_checked(tmp_path: Path, applications: object) -> None:
    config = {"applications": applications, "storage_config": {"capacity_gb": -1}}
    with pytest.raises(OperatorError) as caught:
        load(write_home(tmp_path, config), {}, find_applications)
    assert any(line.startswith("config.applications") for line in caught.value.lines)
    assert any(line.startswith("config.storage_config.capacity_gb: ") for line in caught.value.lines)


def test_a_wrong_value_is_told_also_where_another_wins_over_it(tmp_path: Path) -> None:
    config = {"server": {"port": "x"}, "rate_limit": {"storage_uri": "mysql://secret@h"}, "cors": {"enabled": "no"}}
    env = "PORT=y\nCLOUDSVC__CORS__ENABLED=perhaps\nAPI_TOKEN_HASH=z\n"
    environ = {
        "CLOUDSVC__SERVER__PORT": "1",
        "HOST": "?",
        "CLOUDSVC__SERVER__HOST": "127.0.0.1",
        "CLOUDSVC__RATE_LIMIT__STORAGE_URI": "memory://",
        "CLOUDSVC__CORS__ENABLED": "true",
        "API_TOKEN_HASH": "ab" * 32,
    }
    lines = faults_of(tmp_path, config, env, **environ)
    assert sorted(line.partition(":")[0] for line in lines) == [
        ".env API_TOKEN_HASH",
        ".env CLOUDSVC__CORS__ENABLED",
        ".env PORT",
        "config.cors.enabled",
        "config.rate_limit.storage_uri",
        "config.server.port",
        "environment HOST",
    ]
    assert "secret" not in "".join(lines)


def test_a_variable_may_mend_what_does_not_go_together_in_the_file(tmp_path: Path) -> None:
    """Each value is right by itself."""
    config = {"rate_limit": {"strategy": "moving-window", "storage_uri": "memcached://h:1"}}
    assert load_config(tmp_path, config, CLOUDSVC__RATE_LIMIT__STORAGE_URI="redis://h:1").settings


def test_an_application_cannot_take_a_section_of_the_servers_own(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"config\.server: this is a section of the server's own"):
        load(write_home(tmp_path, {"applications": ["x"]}), {}, lambda _: {"x": Guestbook(section="server")})


# Anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
keys = st.sampled_from(["server", "port", "host", "cors", "allow_origins", "rate_limit", "storage_uri", "applications"])
documents = json_values | st.dictionaries(keys, json_values | st.dictionaries(keys, json_values, max_size=4))


@given(st.binary() | st.text().map(str.encode) | documents.map(lambda document: json.dumps(document).encode()))
def test_no_file_raises_anything_but_its_faults(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as root:
        home = write_home(Path(root), content)
        try:
            load(home, {}, lambda _: {})
        except OperatorError as fault:
            lines: tuple[str, ...] = fault.lines
        else:
            lines = ("loaded",)
        assert lines
        assert all(line.isprintable() for line in lines)


@given(st.dictionaries(st.sampled_from(["PORT", "CLOUDSVC__CORS__ALLOW_ORIGINS", "API_TOKEN_HASH"]), st.text()))
def test_no_variable_raises_anything_but_its_faults(environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as root:
        home = write_home(Path(root))
        try:
            lines: tuple[str, ...] = (str(load(home, environ, no_applications).settings.server.port),)
        except OperatorError as fault:
            lines = fault.lines
        assert lines
        assert all(line.isprintable() for line in lines)
