"""Which goals of cells.py a run has reached."""
from __future__ import annotations

import dataclasses

from cells import CELLS, DIGESTS, WITHOUT_DIGESTS, CallsGoal, Cell, LatencyGoal

Figures = dict[str, float]


@dataclasses.dataclass(frozen=True)
class Verdict:
    cell: str
    peer: str
    wanted: float
    found: float
    limit: float | None = None  # what the bare socket itself reaches over the same peer, or over itself without digests, in the same run
    at_most: bool = False

    @property
    def reached(self) -> bool:
        return self.found <= self.wanted if self.at_most else self.found >= self.wanted

    @property
    def beyond_the_machine(self) -> bool:
        """Whether not even the bare socket, which knows no SCSI, is as far ahead of the peer on this machine."""
        return not self.reached and self.limit is not None and self.limit < self.wanted

    @property
    def word(self) -> str:
        return "reached" if self.reached else "beyond the bare socket" if self.beyond_the_machine else "missed"


def _calls(cell: Cell, goal: CallsGoal, targe: Figures) -> list[Verdict]:
    sides = {"system calls a command": "system_calls_per_op", "system calls a command, of the handler": "handler_calls_per_op"}
    return [Verdict(cell.name, words, goal.most, targe[key], at_most=True) for words, key in sides.items() if key in targe]


def judged(results: dict[str, dict[str, Figures]]) -> list[Verdict]:
    """Of the cells and peers that were measured."""
    verdicts = []
    for cell in CELLS:
        by_peer = results.get(cell.name, {})
        targe = by_peer.get("targe")
        for goal in cell.goals if targe else ():
            if isinstance(goal, CallsGoal):
                verdicts += _calls(cell, goal, targe)
                continue
            without = results.get(cell.name.removesuffix(DIGESTS), {}) if goal.peer == WITHOUT_DIGESTS else None
            other = by_peer.get(goal.peer) if without is None else without.get("targe")
            if not other:
                continue
            if isinstance(goal, LatencyGoal):
                later = (targe["p50_us"] - other["p50_us"]) / targe["wake_up_us"]
                verdicts.append(Verdict(cell.name, f"a wake-up of {targe['wake_up_us']:.1f} µs above {goal.peer}", goal.wake_ups, later, at_most=True))
                continue
            bare = by_peer.get("bare") if goal.peer != "bare" else None
            rival = other if without is None else without.get("bare")
            verdicts.append(Verdict(cell.name, goal.peer, goal.ratio, targe["ops_per_s"] / other["ops_per_s"],
                                    bare["ops_per_s"] / rival["ops_per_s"] if bare and rival else None))
    return verdicts
