"""
``make mutants``: change the program in one place, run the tests that run that line, and say which changes they miss.

It is no part of ``.ci/run``: it takes hours, and a survivor wants a person to say whether it is a fault at all.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from secrets import randbits
from typing import Final

import click

from scripts.mutants.mutations import find_mutations
from scripts.mutants.trials import ROOT, Mutant, Trials, Verdict, open_trials

ROOMS: Final = {
    "cloudsvc/access": [
        "tests/access",
        "tests/contracts/test_credentials.py",
        "tests/contracts/test_rate_limit_stores.py",
    ],
    "cloudsvc/core": ["tests/core", "tests/contracts/test_threads.py", "tests/tls/test_certificate_authority.py"],
    "cloudsvc/web": ["tests/web", "tests/threats/test_responses.py", "tests/threats/test_request_cost.py"],
    "cloudsvc/listen": ["tests/listen"],
    "cloudsvc/drive": ["tests/drive", "tests/contracts/catalogue", "tests/api/drive"],
    "cloudsvc/storage/blobs": ["tests/storage/blobs", "tests/contracts/test_blobs.py"],
    "cloudsvc/storage/catalogue": ["tests/storage/catalogue", "tests/contracts/catalogue", "tests/api/drive"],
    "cloudsvc/api/drive": ["tests/api/drive"],
}
"""The tests of each room that start no server: theirs, and the contracts that they keep."""


@click.command()
@click.argument("modules", nargs=-1)
@click.option("--count", default=100, show_default=True, help="How many mutants to try, of all that there are.")
@click.option("--seed", type=int, help="Chooses them; a new one each time, which is printed.")
@click.option("--seconds", default=120.0, show_default=True, help="For which the tests of one mutant may run.")
@click.option("--line", "lines", type=int, multiple=True, help="Only mutants of this line; repeatable.")
def main(modules: tuple[str, ...], count: int, seed: int | None, seconds: float, lines: tuple[int, ...]) -> None:
    """Try mutants of MODULES (files or folders below cloudsvc; all rooms with tests of their own otherwise)."""
    seed = randbits(32) if seed is None else seed
    click.echo(f"seed {seed}", err=True)
    with open_trials(seconds) as trials:
        verdicts: Counter[Verdict] = Counter()
        mutants = _choose(trials.tree, _list_modules(modules), count, seed, lines)
        for room, tests in ROOMS.items():
            chosen = [mutant for mutant in mutants if _room_of(mutant.module) == room]
            if chosen:
                verdicts += _try_all(trials, chosen, tests)
    click.echo(f"seed {seed}: " + ", ".join(f"{number} {verdict.value}" for verdict, number in verdicts.items()))


def _try_all(trials: Trials, mutants: list[Mutant], tests: list[str]) -> Counter[Verdict]:
    verdicts: Counter[Verdict] = Counter()
    click.echo(f"which lines do {' '.join(tests)} run?", err=True)
    running = trials.measure(tests, sorted({mutant.module for mutant in mutants}))
    for mutant in mutants:
        lines = running[mutant.module]
        line = mutant.mutation.line
        # The first line of a statement stands for it; what runs at import is everybody's.
        wanted = next((lines[at] for at in range(line, max(line - 4, 0), -1) if at in lines), None)
        verdict = Verdict.UNTRIED if wanted is None else trials.judge(mutant, wanted or tests)
        verdicts[verdict] += 1
        click.echo(f"{verdict.value}: {mutant.module}:{line} ({mutant.mutation.kind})", err=True)
        if verdict in {Verdict.SURVIVED, Verdict.UNTRIED}:
            click.echo(f"{verdict.value}: {mutant.describe((trials.tree / mutant.module).read_bytes())}\n")
            sys.stdout.flush()
    return verdicts


def _choose(tree: Path, modules: list[str], count: int, seed: int, lines: tuple[int, ...]) -> list[Mutant]:
    every = [
        Mutant(module=module, mutation=mutation)
        for module in modules
        for mutation in find_mutations((tree / module).read_bytes())
        if not lines or mutation.line in lines
    ]
    chosen = random.Random(seed).sample(every, min(count, len(every)))  # noqa: S311  # it keeps no secrets
    return sorted(chosen, key=lambda mutant: (mutant.module, mutant.mutation.start))


def _list_modules(named: tuple[str, ...]) -> list[str]:
    found = []
    for place in (ROOT / name for name in named or ROOMS):
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place]
        found += [str(file.resolve().relative_to(ROOT)) for file in files]
    unknown = [module for module in found if _room_of(module) is None]
    if unknown:
        raise click.UsageError(f"which tests are those of {', '.join(unknown)}? Add its room to ROOMS.")
    return found


def _room_of(module: str) -> str | None:
    return next((room for room in ROOMS if Path(module).is_relative_to(room)), None)


if __name__ == "__main__":
    main(prog_name="make mutants")
