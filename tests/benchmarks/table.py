"""The figures as text: a block for each problem and dtype, a line for each contestant, the targets beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from statistics import median

from tests.benchmarks.problems import problem
from tests.benchmarks.records import Record


@dataclass(frozen=True)
class Targets:
    """How many times faster we want to be: NumPy alone and [fast] than clean NumPy, [fast] than PyTorch."""

    numpy: float
    fast: float
    torch: float
    step: float | None = 1.0


TARGETS = {
    "P1": Targets(1.1, 1.3, 1.5),
    "P2": Targets(25, 300, 3000, step=None),
    "P3": Targets(1.1, 1.25, 1.15),
    "P4": Targets(1.5, 25, 150),
}
"""For float64; a single step is wanted to be no slower than clean NumPy's in both dtypes."""
COMPILE_SECONDS = 0.5
"""For deriving and compiling P3."""

Cell = Callable[[Record], str]


def table(records: Iterable[Record]) -> str:
    """All records; those of a problem and dtype must stand together."""
    groups = groupby(records, key=lambda record: (record.problem, record.dtype))
    blocks = [_block(key, dtype, list(group)) for (key, dtype), group in groups]
    return "\n\n".join([*blocks, NOTES])


NOTES = """\
Times faster than clean NumPy, and than PyTorch eager, in the same repetition; whole calls of train.
step: the single step program(values) against clean NumPy's. compile: derive and compile, then what the first call of
train takes longer than the next. peak: memory held while training. apart: largest relative difference of the trained
parameters from clean NumPy's. Behind a figure with a target stands the target, and ! where it is missed."""


def _block(key: str, dtype: str, records: list[Record]) -> str:
    subject = problem(key, dtype)
    steps = subject.epochs * len(subject.batches)
    columns: dict[str, Cell] = {
        f"{key} {dtype}": lambda r: r.contestant,
        "min": lambda r: number(min(r.against_numpy)),
        "median": lambda r: number(r.speed),
        "max": lambda r: number(max(r.against_numpy)),
        "target": lambda r: judged(r.speed, target_against_numpy(r)),
        "PyTorch": lambda r: number(median(r.against_torch)) if r.against_torch else "",
        "target ": lambda r: judged(median(r.against_torch), target_against_torch(r)) if r.against_torch else "",
        "step": lambda r: number(median(r.step_against_numpy)) if r.step_against_numpy else "",
        "target  ": lambda r: (
            judged(median(r.step_against_numpy), target_of_the_step(r)) if r.step_against_numpy else ""
        ),
        "us a step": lambda r: f"{1e6 * median(r.seconds):.2f}",
        "compile": _compile,
        "peak": lambda r: "" if r.peak_bytes is None else f"{r.peak_bytes / 2**20:.2f} MB",
        "apart": lambda r: "" if r.difference is None else f"{r.difference:.0e}",
    }
    rows = [[title.strip() for title in columns]]
    for record in records:
        cells = list(columns.values()) if record.installed else [columns[f"{key} {dtype}"], lambda _: "not installed"]
        rows.append([cell(record) for cell in cells] + [""] * (len(columns) - len(cells)))
    return f"{key}: {subject.title}, {steps:,} steps\n" + aligned(rows)


def number(value: float) -> str:
    """Three digits: 0.0457, 1.25, 93.3, 3120."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def judged(value: float, target: float | None) -> str:
    """The target, with a mark where the value misses it."""
    return "" if target is None else f"{target:g}{' ' if value >= target else '!'}"


def target_against_numpy(record: Record) -> float | None:
    if not record.ours or record.dtype != "float64":
        return None
    targets = TARGETS[record.problem]
    return targets.fast if record.fast else targets.numpy


def target_against_torch(record: Record) -> float | None:
    wanted = record.ours and record.fast and record.dtype == "float64"
    return TARGETS[record.problem].torch if wanted else None


def target_of_the_step(record: Record) -> float | None:
    return TARGETS[record.problem].step if record.ours else None


def aligned(rows: list[list[str]]) -> str:
    """Columns of equal width, the first to the left, numbers to the right, a rule under the head."""
    rows = [row[:1] + row[1:] for row in rows]
    widths = [max(len(row[k]) for row in rows if "not installed" not in row) for k in range(len(rows[0]))]
    widths[0] = max(len(row[0]) for row in rows)

    def line(row: list[str]) -> str:
        if row[1] == "not installed":
            return f"{row[0]:<{widths[0]}}  {row[1]}"
        return "  ".join([f"{row[0]:<{widths[0]}}", *(f"{c:>{w}}" for c, w in zip(row[1:], widths[1:], strict=True))])

    lines = [line(row).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def _compile(record: Record) -> str:
    if record.compile_seconds is None:
        return f"{record.first_seconds:.2f} s" if record.first_seconds and record.first_seconds > 0.05 else ""
    missed = "!" if record.problem == "P3" and record.compile_seconds >= COMPILE_SECONDS else ""
    return f"{record.compile_seconds:.2f}{missed} + {record.first_seconds:.2f} s"
