"""``python -m bench cell``: the command and its options."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import click

from bench.cell.directories import simulate_directory
from bench.cell.figures import NoFigures, read_figures
from bench.cell.model import Cell
from bench.cell.report import format_bounds, format_directory, format_outcomes, format_profile
from bench.cell.runs import Load, find_bounds, simulate
from bench.scale.command import LATEST
from bench.scale.demands import KINDS

MIX: Final = "look-up=40,list=20,download=25,upload=10,login=5"
"""Of a hundred requests: a guess at people who look at their files more often than they add some."""

_PARTS: Final = (0.5, 0.8, 0.95)
"""Of the rate that the busiest station can take at best."""


class _Mix(click.ParamType[Mapping[str, float]]):
    name = "mix"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Mapping[str, float]:
        try:
            mix = {kind: float(number) for kind, _, number in (part.partition("=") for part in str(value).split(","))}
        except ValueError:
            self.fail(f"{value!r} is not like {MIX}", param, ctx)
        unknown = mix.keys() - KINDS.keys()
        if unknown or not all(0 <= number < float("inf") for number in mix.values()) or not sum(mix.values()):
            self.fail(f"{value!r} is not like {MIX}; there are {', '.join(KINDS)}", param, ctx)
        return {kind: number for kind, number in mix.items() if number}


_COUNT: Final = click.IntRange(min=1, max=1000)


@click.command
@click.option("--nodes", type=_COUNT, default=2, show_default=True)
@click.option("--processes", type=_COUNT, default=2, show_default=True, help="On each node, with a processor each.")
@click.option("--database-processors", type=_COUNT, default=4, show_default=True)
@click.option("--bucket-processors", type=_COUNT, default=4, show_default=True)
@click.option(
    "--shared", is_flag=True, help="Bucket and Redis run on the processors of the database, as in `bench scale`."
)
@click.option("--mix", type=_Mix(), default=MIX, show_default=True, help="How many requests are of each kind.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), help="Requests a second, from many clients.")
@click.option("--clients", type=click.IntRange(min=1, max=100_000), help="Who ask again as soon as they are answered.")
@click.option("--requests", type=click.IntRange(min=100, max=10_000_000), default=100_000, show_default=True)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same figures.")
@click.option("--cells", type=click.IntRange(min=1, max=1_000_000), help="And a directory that tells who is in which.")
@click.option(
    "--asking",
    type=click.FloatRange(min=0, max=1, min_open=True),
    default=0.01,
    show_default=True,
    help="The part of all requests before which a client asks the directory.",
)
@click.option(
    "--figures",
    type=click.Path(path_type=Path, dir_okay=False),
    default=LATEST,
    help="JSON of `python -m bench scale`.",
)
def cell(  # the options
    *,
    nodes: int,
    processes: int,
    database_processors: int,
    bucket_processors: int,
    shared: bool,
    mix: Mapping[str, float],
    rate: float | None,
    clients: int | None,
    requests: int,
    seed: int,
    cells: int | None,
    asking: float,
    figures: Path,
) -> None:
    """Simulate a cell, out of measured figures: what it carries, how quickly, and what stands in the way of more."""
    if rate and clients:
        raise click.UsageError("give --rate or --clients, not both")
    try:
        measured = read_figures(figures)
    except NoFigures as problem:
        raise click.ClickException(str(problem)) from None
    made = Cell(
        nodes=nodes,
        processes=processes,
        database_processors=database_processors,
        bucket_processors=bucket_processors,
        shared=shared,
    )
    click.echo(format_profile(measured))
    bounds = find_bounds(made, measured, mix)
    click.echo("\n" + format_bounds(bounds))
    if clients:
        loads = [Load(mix=mix, clients=clients, requests=requests)]
    else:
        rates = [rate] if rate else [part * min(bounds.values()) for part in _PARTS]
        loads = [Load(mix=mix, rate=each, requests=requests) for each in rates]
    outcomes = [simulate(made, measured, load, seed) for load in loads]
    click.echo("\n" + format_outcomes(loads, outcomes))
    if cells:
        throughput = outcomes[-1].throughput
        directory = simulate_directory(
            made, measured, throughput=throughput, cells=cells, asking=asking, requests=requests, seed=seed
        )
        click.echo("\n" + format_directory(directory))
