"""JSON Schema for editors, and the default configuration to start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from cloudsvc.core.secrets import Secret
from cloudsvc.settings.model import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schema(sections: Mapping[str, type]) -> str:
    """The JSON Schema (2020-12) of the configuration, with the ``sections`` of applications."""
    targets = [Settings, *sections.values()]
    references, components = msgspec.json.schema_components(targets, schema_hook=describe_type)
    for component in components.values():
        if "properties" in component:
            component["additionalProperties"] = False
    root = components.pop(references[0]["$ref"].rpartition("/")[2])
    root["properties"] |= {"$schema": {"type": "string"}, **dict(zip(sections, references[1:], strict=True))}
    return _dump({"$schema": _DIALECT, **root, "title": "Configuration of cloudsvc", "$defs": components})


def make_default_config(sections: Mapping[str, type]) -> str:
    """The configuration file in which every setting stands with its default, those of ``sections`` too."""
    own = _list_defaults(Settings())
    return _dump({"$schema": "./schema.json", **own} | {name: _list_defaults(sections[name]()) for name in sections})


def describe_type(target: type) -> dict[str, Any]:
    """The JSON Schema of what msgspec does not know: a secret, or something of which only its application knows."""
    return {"type": "string", "format": "password"} if target is Secret else {"title": target.__name__}


def plain(value: Any) -> Any:
    """A default as it is written in a file: no default is secret."""
    return value.reveal() if isinstance(value, Secret) else value


def _list_defaults(settings: attrs.AttrsInstance) -> dict[str, Any]:
    return attrs.asdict(settings, value_serializer=lambda _instance, _field, value: plain(value))


def _dump(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
