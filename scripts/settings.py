"""
Files that are made from the classes of the settings: ``python -m scripts.settings``.

It writes the default configuration, its JSON Schema and the reference page anew, each with the sections of the
applications that are configured by default.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from cloudsvc.cli.homes import find_default_sections
from cloudsvc.settings.reference import make_reference
from cloudsvc.settings.schema import make_default_config, make_schema

CHECKOUT = Path(__file__).parents[1]


def render() -> Mapping[str, str]:
    """The contents of the files, by their paths in the repository."""
    sections = find_default_sections()
    return {
        "config/config.json": make_default_config(sections),
        "config/schema.json": make_schema(sections),
        "docs/configuration.md": make_reference(sections),
    }


def main() -> int:
    """Write them."""
    for path, content in render().items():
        (CHECKOUT / path).write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
