"""``python -m bench``: measure, compare, write down. ``python -m bench profile``: where the time goes."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import attrs
import click

from bench import stages
from bench.catalogue import PEERS
from bench.cell.command import cell
from bench.drive import STAGES
from bench.drive_report import drive_to_json, format_drive_report
from bench.lag import lag
from bench.profiling import profile as profile_server
from bench.report import format_report, to_json
from bench.run import QUICK, THOROUGH, divide_cores, measure
from bench.scale.command import scale
from bench.stages import run_stages

LATEST = Path(__file__).parent / "results" / "latest.json"


@click.group(invoke_without_command=True)
@click.option("--quick", is_flag=True, help="One short round: whether it runs, not how fast it is.")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each server is started for each kind of load.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([*(peer.name for peer in PEERS), *(stage.name for stage in STAGES)]),
    help="Measure this server's login, or this work of the drive; repeatable.",
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), default=LATEST, help="Where the JSON goes.")
@click.pass_context
def main(context: click.Context, *, quick: bool, rounds: int | None, only: tuple[str, ...], output: Path) -> None:
    """Measure cloudsvc beside other servers. Exit status 1 when one of them failed to run."""
    if context.invoked_subcommand is not None:
        return
    _require_wrk()
    plan, scale = (QUICK, stages.QUICK) if quick else (THOROUGH, stages.THOROUGH)
    plan = attrs.evolve(plan, rounds=rounds or plan.rounds)
    scale = attrs.evolve(scale, rounds=rounds or scale.rounds)
    core = divide_cores()
    rows = measure([peer for peer in PEERS if not only or peer.name in only], plan, core, _announce)
    records = run_stages([stage for stage in STAGES if not only or stage.name in only], scale, core, _announce)
    click.echo(
        "\n\n".join(([format_report(rows)] if rows else []) + ([format_drive_report(records)] if records else []))
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({**to_json(rows, plan), "drive": drive_to_json(records, scale)}, indent=2) + "\n")
    if any(row.failure for row in rows) or any(record.failure for record in records):
        sys.exit(1)


def _announce(line: str) -> None:
    click.echo(line, err=True)


@main.command()
@click.option("--seconds", default=5, show_default=True, help="How long to put it under load.")
@click.option("--top", default=40, show_default=True, help="How many functions to print.")
@click.option("--sort", type=click.Choice(["tottime", "cumulative"]), default="tottime", show_default=True)
def profile(seconds: int, top: int, sort: str) -> None:
    """Run cloudsvc under cProfile and print its costliest functions."""
    _require_wrk()
    click.echo(profile_server(seconds, top, sort))


main.add_command(lag)
main.add_command(scale)
main.add_command(cell)


def _require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise click.ClickException("wrk is not installed: install Debian's package wrk.")


if __name__ == "__main__":
    main(prog_name="python -m bench")
