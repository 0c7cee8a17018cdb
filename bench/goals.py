"""Which goals of cells.py a run has reached."""
from __future__ import annotations

import dataclasses

from cells import CELLS, DIGESTS, WITHOUT_DIGESTS


@dataclasses.dataclass(frozen=True)
class Verdict:
    cell: str
    peer: str
    wanted: float
    found: float

    @property
    def reached(self) -> bool:
        return self.found >= self.wanted


def judged(results: dict[str, dict[str, dict[str, float]]]) -> list[Verdict]:
    """Of the cells and peers that were measured."""
    verdicts = []
    for cell in CELLS:
        by_peer = results.get(cell.name, {})
        for goal in cell.goals:
            other = results.get(cell.name.removesuffix(DIGESTS), {}).get("targe") if goal.peer == WITHOUT_DIGESTS else by_peer.get(goal.peer)
            if "targe" in by_peer and other:
                verdicts.append(Verdict(cell.name, goal.peer, goal.ratio, by_peer["targe"]["ops_per_s"] / other["ops_per_s"]))
    return verdicts
