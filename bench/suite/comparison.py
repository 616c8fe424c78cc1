"""A row: ours against theirs, in interleaved rounds, so that what else the machine does falls on both."""

import dataclasses
import statistics
from typing import Callable, Optional


def number_text(value):
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


@dataclasses.dataclass
class Figure:
    """What one run of one side gave."""

    value: float
    per_cpu: Optional[float] = None  # per CPU second of the thread, or process, that is the bound
    details: dict = dataclasses.field(default_factory=dict)
    report: dict = dataclasses.field(default_factory=dict)  # all that the load program said
    doubts: list = dataclasses.field(default_factory=list)  # why not to believe it


@dataclasses.dataclass
class Row:
    name: str
    title: str
    against: str
    unit: str
    at_least: Optional[float]
    aim: Optional[float]
    ours: Callable
    theirs: Callable
    lower_is_better: bool = False

    def reaches(self, ratio, bound):
        return ratio <= bound if self.lower_is_better else ratio >= bound


@dataclasses.dataclass
class Result:
    row: Row
    ours: list
    theirs: list

    @property
    def ratios(self):
        return [our.value / their.value for our, their in zip(self.ours, self.theirs)]

    @property
    def cpu_ratios(self):
        pairs = zip(self.ours, self.theirs)
        return [our.per_cpu / their.per_cpu for our, their in pairs if our.per_cpu and their.per_cpu]

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def cpu_ratio(self):
        return statistics.median(self.cpu_ratios) if self.cpu_ratios else None

    @property
    def verdict(self):
        if self.row.aim is None:
            return ""
        if self.row.reaches(self.ratio, self.row.aim):
            return "aim reached"
        return "enough" if self.row.reaches(self.ratio, self.row.at_least) else "MISSED"

    def details(self, side):
        """Of each detail, the median."""
        figures = getattr(self, side)
        return {
            name: statistics.median(figure.details[name] for figure in figures)
            for name in figures[0].details
        }

    @property
    def doubts(self):
        return [doubt for figure in self.ours + self.theirs for doubt in figure.doubts]

    def as_json(self):
        row = self.row
        return {
            "name": row.name,
            "title": row.title,
            "against": row.against,
            "unit": row.unit,
            "lower_is_better": row.lower_is_better,
            "at_least": row.at_least,
            "aim": row.aim,
            "ratio": self.ratio,
            "ratios": self.ratios,
            "cpu_ratio": self.cpu_ratio,
            "cpu_ratios": self.cpu_ratios,
            "verdict": self.verdict,
            "doubts": self.doubts,
            "ours": [dataclasses.asdict(figure) for figure in self.ours],
            "theirs": [dataclasses.asdict(figure) for figure in self.theirs],
        }


ATTEMPTS = 3


def run(row, side, settings, say):
    """On a machine so busy that a load program gets no CPU at all, a run may fail and is repeated."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return getattr(row, side)(settings)
        except RuntimeError as error:
            if attempt == ATTEMPTS:
                raise
            say(f"{row.name}, {side}, again: {error}")


def compare(row, settings, say):
    sides = {"ours": [], "theirs": []}
    for number in range(settings.rounds):
        # Neither is always the one that comes second.
        for side in ("ours", "theirs") if number % 2 == 0 else ("theirs", "ours"):
            figure = run(row, side, settings, say)
            say(f"{row.name}, round {number + 1}, {side}: {number_text(figure.value)} {row.unit}")
            for doubt in figure.doubts:
                say(f"  doubtful: {doubt}")
            sides[side].append(figure)
    return Result(row, **sides)
