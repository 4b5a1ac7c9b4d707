"""``python -m bench scale``: the command, its options and its report."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

import attrs
import click

from bench.drive_report import drive_to_json, format_drive_report
from bench.report import describe_machine
from bench.run import divide_cores
from bench.scale.stages import GOALS, QUICK, STAGES, THOROUGH
from bench.stages import run_stages

LATEST: Final = Path(__file__).parent.parent / "results" / "scale.json"
"""Where a run leaves what it has found, and a model of a cell looks for it."""


@click.command
@click.option("--quick", is_flag=True, help="One short round: whether it runs, not how fast it is.")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each server is started.")
@click.option("--files", type=click.IntRange(min=1), help="Of the large catalogue in PostgreSQL.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([stage.name for stage in STAGES]),
    help="Measure this; repeatable.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=LATEST, help="Where the JSON goes.")
def scale(*, quick: bool, rounds: int | None, files: int | None, only: tuple[str, ...], output: Path) -> None:
    """Measure what workers, engines and many files cost, beside one of each. Exit status 1 when something failed."""
    given = QUICK if quick else THOROUGH
    given = attrs.evolve(given, rounds=rounds or given.rounds, files=files or given.files)
    load = os.getloadavg()[0]
    stages = [stage for stage in STAGES if not only or stage.name in only]
    records = run_stages(stages, given, divide_cores(), lambda line: click.echo(line, err=True))
    click.echo(format_drive_report(records, GOALS))
    output.parent.mkdir(parents=True, exist_ok=True)
    found = {"machine": describe_machine(load), "scale": drive_to_json(records, given, GOALS)}
    output.write_text(json.dumps(found, indent=2) + "\n")
    if any(record.failure for record in records):
        sys.exit(1)
