"""Goals of the drive, and whether it reaches them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum, auto
from statistics import median
from typing import Any, Final

from attrs import frozen

from bench.attacks import Calm
from bench.commits import Lateness
from bench.followers import Delay
from bench.load import Throughput
from bench.memory import Growth
from bench.refusals import Taken
from bench.report import evaluate
from bench.scale.demands import Demand
from bench.scale.turns import Turn
from bench.stages import Record
from bench.stores import FEW, MANY
from bench.transfers import Transfer


@frozen(kw_only=True)
class Quantity:
    """
    What there is to know about a sample.

    :ivar rate: the field that says how much, as a rule the better the greater; ``None`` where there is none.
    :ivar cost: the field that is the better the smaller.
    """

    rate: str | None = None
    rate_unit: str = ""
    cost: str
    cost_unit: str


QUANTITIES: Final[Mapping[type, Quantity]] = {
    Transfer: Quantity(rate="mib_per_second", rate_unit="MiB/s", cost="cpu_seconds_per_gib", cost_unit="CPU s/GiB"),
    Throughput: Quantity(rate="requests_per_second", rate_unit="req/s", cost="cpu_us_per_request", cost_unit="CPU us"),
    Calm: Quantity(rate="times_quiet", rate_unit="x quiet", cost="p99_ms", cost_unit="ms at p99"),
    Demand: Quantity(rate="requests_per_second", rate_unit="req/s", cost="node_us", cost_unit="node us"),
    Turn: Quantity(rate="files_per_second", rate_unit="files/s", cost="group_ms", cost_unit="ms a group"),
    Growth: Quantity(cost="mib", cost_unit="MiB"),
    Taken: Quantity(cost="bytes", cost_unit="bytes"),
    Delay: Quantity(cost="ms", cost_unit="ms"),
    Lateness: Quantity(rate="commits_per_second", rate_unit="commits/s", cost="p99_ms", cost_unit="ms at p99"),
}


class Kind(Enum):
    """What is to be reached."""

    SPEED = auto()
    """What the yardstick costs, divided by what the subject costs; more is better."""
    COST = auto()
    """What the subject costs, divided by what the yardstick costs; less is better."""
    RATE = auto()
    """How much the subject does in a second, divided by how much the yardstick does; more is better."""
    AMOUNT = auto()
    """What the subject costs; less is better."""


@frozen(kw_only=True)
class Goal:
    """Something to reach. ``at_least`` is an upper bound where less is better."""

    title: str
    kind: Kind
    subject: str
    yardstick: str | None = None
    at_least: float
    aim: float


GOALS: Final = (
    Goal(
        title="download ÷ nginx with sendfile",
        kind=Kind.SPEED,
        subject="download",
        yardstick="download-nginx",
        at_least=0.45,
        aim=0.6,
    ),
    Goal(
        title="upload, hashed and durable ÷ uvicorn, hashed only",
        kind=Kind.SPEED,
        subject="upload",
        yardstick="upload-uvicorn",
        at_least=1.0,
        aim=1.3,
    ),
    Goal(
        title="download of 4 KiB ÷ login",
        kind=Kind.COST,
        subject="request-download",
        yardstick="request-login",
        at_least=3.5,
        aim=2.5,
    ),
    Goal(
        title="304 ÷ login",
        kind=Kind.COST,
        subject="request-unchanged",
        yardstick="request-login",
        at_least=2.7,
        aim=2.2,
    ),
    Goal(
        title="thumbnail in the cache ÷ login",
        kind=Kind.COST,
        subject="request-thumbnail",
        yardstick="request-login",
        at_least=3.5,
        aim=2.5,
    ),
    Goal(
        title="upload of 4 KiB, durable ÷ login",
        kind=Kind.COST,
        subject="request-upload",
        yardstick="request-login",
        at_least=8,
        aim=5,
    ),
    Goal(
        title="listing of 100 ÷ login",
        kind=Kind.COST,
        subject="request-list-100",
        yardstick="request-login",
        at_least=20,
        aim=12,
    ),
    Goal(
        title="listing of 1,000 ÷ login",
        kind=Kind.COST,
        subject="request-list-1000",
        yardstick="request-login",
        at_least=150,
        aim=100,
    ),
    Goal(
        title="two workers ÷ one, login",
        kind=Kind.SPEED,
        subject="workers-login-2",
        yardstick="workers-login-1",
        at_least=0.85,
        aim=0.95,
    ),
    Goal(
        title="two workers ÷ one, download of 4 KiB",
        kind=Kind.SPEED,
        subject="workers-download-2",
        yardstick="workers-download-1",
        at_least=0.85,
        aim=0.95,
    ),
    Goal(
        title="search in the large store, CPU us",
        kind=Kind.AMOUNT,
        subject="request-search",
        at_least=50_000,
        aim=10_000,
    ),
    Goal(title="memory for a large upload, MiB", kind=Kind.AMOUNT, subject="memory-upload", at_least=16, aim=8),
    Goal(title="memory for a large download, MiB", kind=Kind.AMOUNT, subject="memory-download", at_least=16, aim=8),
    Goal(
        title="memory for 10,000 idle followers, MiB",
        kind=Kind.AMOUNT,
        subject="followers-memory",
        at_least=200,
        aim=150,
    ),
    Goal(title="a change to all of them, ms", kind=Kind.AMOUNT, subject="followers-delay", at_least=200, aim=100),
    Goal(title="read of a refused upload, bytes", kind=Kind.AMOUNT, subject="refusal", at_least=2**16, aim=2**16),
    Goal(title="the same, with Expect", kind=Kind.AMOUNT, subject="refusal-expect", at_least=2**16, aim=0),
    Goal(
        title="listing a large folder ÷ a small one",
        kind=Kind.COST,
        subject=f"listing-{MANY}",
        yardstick=f"listing-{FEW}",
        at_least=2,
        aim=1.2,
    ),
    Goal(
        title="one more file in a large store ÷ in an empty one",
        kind=Kind.COST,
        subject=f"addition-{MANY}",
        yardstick=f"addition-{FEW}",
        at_least=1.5,
        aim=1.1,
    ),
    Goal(
        title="large blob into a bucket ÷ into a directory",
        kind=Kind.COST,
        subject="bucket-up",
        yardstick="blob-up",
        at_least=6,
        aim=4,
    ),
    Goal(title="the same, back", kind=Kind.COST, subject="bucket-down", yardstick="blob-down", at_least=12, aim=8),
    Goal(title="memory for it, both ways, MiB", kind=Kind.AMOUNT, subject="bucket-memory", at_least=64, aim=32),
    *(
        Goal(
            title=f"{title}, PostgreSQL ÷ SQLite",
            kind=Kind.COST,
            subject=f"postgresql-{name}",
            yardstick=f"sqlite-{name}",
            at_least=8,
            aim=5,
        )
        for name, title in (("store", "a file more"), ("look-up", "a look-up"), ("list", "a page of a folder"))
    ),
)


@frozen(kw_only=True)
class Finding:
    """
    A goal and what was measured for it: medians over the rounds of the value in one round.

    :ivar value: by CPU time or by amount, which is steadier than ``value_by_rate``, or by rate where that is asked.
    :ivar verdict: ``aim``, ``reached`` or ``missed``.
    """

    goal: Goal
    value: float
    value_by_rate: float | None
    verdict: str


def assess(records: Iterable[Record], goals: Iterable[Goal] = GOALS) -> list[Finding]:
    """The findings for which everything was measured."""
    samples: dict[str, Sequence[Any]] = {}
    for record in records:
        if not record.failure:
            samples.update(record.samples)
    return [
        _assess(goal, samples) for goal in goals if {goal.subject, goal.yardstick or goal.subject} <= samples.keys()
    ]


def _assess(goal: Goal, samples: Mapping[str, Sequence[Any]]) -> Finding:
    subject = samples[goal.subject]
    quantity = QUANTITIES[type(subject[0])]
    costs = [getattr(sample, quantity.cost) for sample in subject]
    if goal.yardstick is None:
        amount = median(costs)
        return Finding(
            goal=goal, value=amount, value_by_rate=None, verdict=evaluate(goal.at_least, goal.aim, -1, amount)
        )
    yardstick = samples[goal.yardstick]
    sign = -1 if goal.kind is Kind.COST else 1
    pairs = list(zip(subject, yardstick, strict=True))
    by_cost = median((getattr(ours, quantity.cost) / getattr(theirs, quantity.cost)) ** -sign for ours, theirs in pairs)
    rate = quantity.rate
    by_rate = rate and median((getattr(ours, rate) / getattr(theirs, rate)) ** sign for ours, theirs in pairs)
    value = by_rate if goal.kind is Kind.RATE and by_rate else by_cost
    return Finding(
        goal=goal,
        value=value,
        value_by_rate=by_rate or None,
        verdict=evaluate(goal.at_least, goal.aim, sign, value),
    )
