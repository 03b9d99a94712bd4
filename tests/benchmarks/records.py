"""Who takes part in a benchmark, and what is written down about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.util import find_spec
from statistics import median

from tests.benchmarks.peers import NUMPY, PEERS
from tests.benchmarks.problems import problem

OURS = "symbackprop"
FAST = "[fast]"


@dataclass
class Record:
    """What was measured of one contestant; lists have a number for each repetition.

    Attributes:
        seconds: of one step of training, from a whole call of `train` with its checks and history.
        against_numpy, against_torch: how many times faster than these, in the same repetition.
        step_against_numpy: the same for `program(values)` and one step of clean NumPy.
        compile_seconds: deriving and compiling, for the first time in a process.
        first_seconds: what the first call of `train` takes longer than the others.
        difference: of the trained parameters from clean NumPy's, relative to the largest of each array.
        peak_bytes: held by NumPy and Python at once while training.
    """

    problem: str
    dtype: str
    contestant: str
    installed: bool = True
    seconds: list[float] = field(default_factory=list[float])
    against_numpy: list[float] = field(default_factory=list[float])
    against_torch: list[float] = field(default_factory=list[float])
    step_against_numpy: list[float] = field(default_factory=list[float])
    compile_seconds: float | None = None
    first_seconds: float | None = None
    difference: float | None = None
    peak_bytes: int | None = None

    @property
    def ours(self) -> bool:
        return self.contestant.startswith(OURS)

    @property
    def fast(self) -> bool:
        return self.contestant.endswith(FAST)

    @property
    def speed(self) -> float:
        """The median speed-up over clean NumPy."""
        return median(self.against_numpy)


TOLERANCE = {"float64": 1e-9, "float32": 1e-2}
"""How far trained parameters may be from clean NumPy's; see `Record.difference`."""


def contestants(key: str) -> list[str]:
    """Everybody who trains a problem, in the order of the table."""
    return [*(name + ending for name in our_names(key) for ending in ("", f" {FAST}")), NUMPY, *_others()]


def our_names(key: str) -> dict[str, str]:
    """The names of our networks for a problem -> their keys in `Problem.models`."""
    return {f"{OURS}, {model}" if model else OURS: model for model in problem(key, "float64").models}


def installed(contestant: str) -> bool:
    """Whether it can run here; ours with [fast] needs SciPy and numba."""
    modules: Iterable[str] = ("scipy", "numba") if contestant.endswith(FAST) else ()
    if contestant in PEERS:
        modules = (PEERS[contestant].module,)
    return all(find_spec(module) for module in modules)


def _others() -> list[str]:
    return [name for name in PEERS if name != NUMPY]
