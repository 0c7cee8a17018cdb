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
    limit: float | None  # what the bare socket itself reaches over the same peer, in the same run

    @property
    def reached(self) -> bool:
        return self.found >= self.wanted

    @property
    def beyond_the_machine(self) -> bool:
        """Whether not even the bare socket, which knows no SCSI, is as far ahead of the peer on this machine."""
        return not self.reached and self.limit is not None and self.limit < self.wanted

    @property
    def word(self) -> str:
        return "reached" if self.reached else "beyond the bare socket" if self.beyond_the_machine else "missed"


def judged(results: dict[str, dict[str, dict[str, float]]]) -> list[Verdict]:
    """Of the cells and peers that were measured."""
    verdicts = []
    for cell in CELLS:
        by_peer = results.get(cell.name, {})
        for goal in cell.goals:
            other = results.get(cell.name.removesuffix(DIGESTS), {}).get("targe") if goal.peer == WITHOUT_DIGESTS else by_peer.get(goal.peer)
            if "targe" in by_peer and other:
                bare = by_peer.get("bare") if goal.peer not in ("bare", WITHOUT_DIGESTS) else None
                verdicts.append(Verdict(cell.name, goal.peer, goal.ratio, by_peer["targe"]["ops_per_s"] / other["ops_per_s"],
                                        bare["ops_per_s"] / other["ops_per_s"] if bare else None))
    return verdicts
