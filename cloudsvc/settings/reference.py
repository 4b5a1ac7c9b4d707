"""Reference page of the configuration, generated from the classes themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from inspect import getdoc
from typing import Any, get_type_hints

import attrs
import msgspec
from attrs import NOTHING

from cloudsvc.settings.environment import SHORT_NAMES
from cloudsvc.settings.leaves import Leaf, find_leaves
from cloudsvc.settings.model import Settings
from cloudsvc.settings.schema import describe_type, plain

_BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
}

_HEADING = """\
| key | type | default | allowed | environment variable | meaning |
|---|---|---|---|---|---|
"""

_INTRODUCTION = """\
# Configuration

<!-- Made by `cloudsvc config reference`. Change the classes in cloudsvc/settings/model.py instead. -->

A server keeps everything that is its own in one directory, its **home**: the one given with `--home DIR`, else the one
that `CLOUDSVC_HOME` names, else the current directory. `cloudsvc init DIR` writes one:

    DIR/config/config.json    the configuration, described below
    DIR/config/schema.json    its JSON Schema, with which editors check and complete it
    DIR/.env                  what belongs to this host and is secret; mode 0600
    DIR/certs/                certificate, key and the private certificate authority that signed it
    DIR/logs/                 server.log and its older backups
    DIR/data/                 what applications store

Relative paths in the configuration start at the home. The server never changes `config.json`.

## Where a value comes from

1. A variable of the process's environment,
2. else the same variable in `.env`,
3. else `config.json`,
4. else the default.

Every setting has a variable, `CLOUDSVC__SECTION__KEY`. Its text is read by the type of the setting: strings as they
are, everything else as JSON (`8443`, `true`, `["localhost"]`, `null`). `HOST` and `PORT` are short for
`CLOUDSVC__SERVER__HOST` and `CLOUDSVC__SERVER__PORT`, which win over them. An empty variable counts as unset.
A secret may stand in a file instead, as orchestrators mount them: `CLOUDSVC__RATE_LIMIT__STORAGE_URI_FILE` names one.

`API_TOKEN_HASH` is the SHA-256 of the key that clients present, as 64 hexadecimal digits.
`cloudsvc generate-new-token` makes a key, shows it once, and writes its hash to `.env`.

Everything is read once, at the start, but for three things: the hash of the key in `.env`, the certificate and its key.
A running server takes these up within a minute after they have changed, and at once on SIGHUP. From then on the former
key is refused; requests that were let in before run to their end. A file that cannot be read, or holds something else
than a hash, changes nothing, and the log says so; one that is gone, or names no hash any more, lets nobody in. Where
`API_TOKEN_HASH` is a variable of the server's own environment, that one wins, and lasts as long as the process.

`cloudsvc config show` lists every setting with its value and where that comes from; secrets stay hidden.

## Mistakes

Nothing is guessed: `"false"` is no `false`, `5` is no `"5"`, and a key that nobody knows is a fault. All faults are
listed at once, each with its path, and the server does not start. `cloudsvc config check` does the same without
starting it:

    config.rate_limit.enabled: expected bool, got 'false'
    config.server.prot: unknown key; did you mean 'port'?
    environment PORT: expected int <= 65535, got 80443

## Sections

An application has a section of its own, under its own name; its documentation says what stands in it.
`cloudsvc config reference` and `cloudsvc config schema` include the sections of the applications that are configured.
"""


def make_reference(sections: Mapping[str, type]) -> str:
    """The page in Markdown, with the ``sections`` of applications."""
    types = get_type_hints(Settings, include_extras=True) | dict(sections)
    named = {name: section for name, section in types.items() if attrs.has(section)}
    loose = [leaf for leaf in find_leaves(Settings) if len(leaf.path) == 1]
    parts = [_INTRODUCTION, f"### At the top\n\n{_HEADING}{_write_rows(loose)}"]
    for name, section in named.items():
        rows = _write_rows(list(find_leaves(section, name)))
        parts.append(f"### `{name}`\n\n{getdoc(section) or ''}\n\n{_HEADING if rows else ''}{rows}")
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _write_rows(leaves: list[Leaf]) -> str:
    return "".join(f"| {' | '.join(_escape(cell) for cell in _write_cells(leaf))} |\n" for leaf in leaves)


def _write_cells(leaf: Leaf) -> Iterator[str]:
    schema = msgspec.json.schema(leaf.type, schema_hook=describe_type)
    yield f"`{leaf.path[-1] if len(leaf.path) < 3 else '.'.join(leaf.path[1:])}`"  # noqa: PLR2004  # a section and a key
    yield _name_type(schema)
    yield "required" if leaf.default is NOTHING else f"`{json.dumps(plain(leaf.default), ensure_ascii=False)}`"
    yield _describe_range(schema)
    yield ", ".join(f"`{name}`" for name in (leaf.variable, SHORT_NAMES.get(leaf.name)) if name)
    yield schema.get("description", "")


def _name_type(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"anyOf": options}:
            return " or ".join(map(_name_type, options))
        case {"enum": _}:
            return "string"
        case {"type": "array", "items": items}:
            return f"array of {_name_type(items)}"
        case _:
            return str(schema.get("type", "any"))


def _describe_range(schema: Mapping[str, Any]) -> str:
    match schema:
        case {"anyOf": options}:
            return "; ".join(filter(None, map(_describe_range, options)))
        case {"enum": choices}:
            return ", ".join(f"`{json.dumps(choice)}`" for choice in choices)
        case _:
            return ", ".join(text.format(schema[bound]) for bound, text in _BOUNDS.items() if bound in schema)


def _escape(cell: str) -> str:
    return cell.replace("|", "\\|")
