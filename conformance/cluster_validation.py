"""What the validation of a Windows cluster asks of persistent reservations, on a unit that two nodes reach by two paths each.

Its protocol is public (MS-CSVP, IClusterStorage2 and IClusterStorage3), and says which SCSI command each method is:
REGISTER AND IGNORE EXISTING KEY registers, and with key 0 unregisters; RESERVE, RELEASE and PREEMPT are of the type Write
Exclusive, Registrants Only; CLEAR goes before a registration; READ RESERVATION and READ KEYS look. Windows was not at hand: the
same is asked here by an initiator of our own, by each path of each node in turn.
"""
from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import struct
from collections.abc import Callable

import report
from harness import Targed
from iscsi_client import Session, read16, write16
from persistent_reservations import CLEAR, CONFLICT, PREEMPT, REGISTER_AND_IGNORE, RELEASE, RESERVE, out, read
from report import Result
from setup import Device, Portal, Setup, Target

SUITE = "cluster-validation"
NAME = "iqn.2026-11.io.targe:validation"
REGISTRANTS_ONLY = 5  # Write Exclusive
NODES = PATHS = (0, 1)
KEYS = (0x11A0_0000_0000_00A1, 0x11A0_0000_0000_00B2)  # by node
GOOD = 0
Nexus = tuple[int, int]  # node and path


class Cluster:
    """Two nodes with a session by each of two portals."""

    def __init__(self, daemon: Targed, stack: contextlib.ExitStack) -> None:
        target = daemon.target()
        ports = (target.port, target.portals[0].port)
        self.sessions: dict[Nexus, Session] = {
            (node, path): stack.enter_context(Session(ports[path], NAME, initiator=f"{NAME}-node{node}", isid=1 + path))
            for node, path in itertools.product(NODES, PATHS)}

    def ask(self, by: Nexus, action: int, new_key: int = 0, *, expect: int = GOOD) -> None:
        kind = 0 if action in (REGISTER_AND_IGNORE, CLEAR) else REGISTRANTS_ONLY
        key = 0 if action == REGISTER_AND_IGNORE else KEYS[by[0]]
        status = out(self.sessions[by], action, kind, key, new_key, False)
        if status != expect:
            raise AssertionError(f"service action {action} by {by} ended with status {status}, not {expect}")

    def register(self, by: Nexus) -> None:
        self.ask(by, REGISTER_AND_IGNORE, KEYS[by[0]])

    def start_again(self) -> None:
        """As the validation does: CLEAR comes before registering, and is of a registrant."""
        self.register((0, 0))
        self.ask((0, 0), CLEAR)
        self.sees([], None)

    def sees(self, keys: list[int], holder: int | None) -> None:
        """Every path of every node reads the same: these keys, and the key of the reservation's holder."""
        for by, session in self.sessions.items():
            found = list(struct.unpack(f">{(len(listed := read(session, 0, 0)) - 8) // 8}Q", listed[8:]))
            reserved = read(session, 1, 0)
            held = struct.unpack(">Q", reserved[8:16])[0] if len(reserved) > 8 else None
            if sorted(found) != sorted(keys) or held != holder or held and reserved[21] != REGISTRANTS_ONLY:
                raise AssertionError(f"{by} reads the keys {found}, not {keys}, and the reservation {reserved.hex()}, not of {holder}")

    def writes(self, allowed: set[Nexus]) -> None:
        """These write, the others may not, and all may read."""
        for by, session in self.sessions.items():
            status = session.command(write16(0, 1), data=bytes(512)).status
            if status != (GOOD if by in allowed else CONFLICT):
                raise AssertionError(f"a write by {by} ended with status {status}, though {sorted(allowed)} may write")
            if not session.command(read16(0, 1), read=512).good:
                raise AssertionError(f"a read by {by} failed")


def registers(cluster: Cluster, by: Nexus) -> None:
    """One path registers, and again; it alone is removed, and nobody else is there."""
    cluster.register(by)
    cluster.register(by)
    cluster.sees([KEYS[by[0]]], None)
    cluster.writes(set(cluster.sessions))
    cluster.ask(by, REGISTER_AND_IGNORE, 0)
    cluster.ask(by, REGISTER_AND_IGNORE, 0)
    cluster.sees([], None)


def reserves(cluster: Cluster, by: Nexus) -> None:
    """Only who is registered reserves, and only one does; who is registered writes."""
    node, path = by
    other = (1 - node, path)
    cluster.ask(by, RESERVE, expect=CONFLICT)
    cluster.register(by)
    cluster.ask(by, RESERVE)
    cluster.ask(by, RESERVE)
    cluster.sees([KEYS[node]], KEYS[node])
    cluster.writes({by})
    cluster.ask(other, RESERVE, expect=CONFLICT)
    cluster.register((node, 1 - path))
    cluster.writes({(node, 0), (node, 1)})
    cluster.register(other)
    cluster.ask(other, RESERVE, expect=CONFLICT)
    cluster.writes({(node, 0), (node, 1), other})
    cluster.ask(other, REGISTER_AND_IGNORE, 0)
    cluster.sees([KEYS[node]] * 2, KEYS[node])
    cluster.writes({(node, 0), (node, 1)})


def releases(cluster: Cluster, by: Nexus) -> None:
    """The holder's path releases; anybody else's release changes nothing."""
    node, path = by
    for each in ((node, 0), (node, 1), (1 - node, path)):
        cluster.register(each)
    cluster.ask(by, RESERVE)
    cluster.ask((1 - node, path), RELEASE)
    cluster.ask((node, 1 - path), RELEASE)
    cluster.sees([KEYS[0], KEYS[1], KEYS[node]], KEYS[node])
    cluster.ask(by, RELEASE)
    cluster.sees([KEYS[0], KEYS[1], KEYS[node]], None)
    cluster.ask((1 - node, path), RESERVE)
    cluster.sees([KEYS[0], KEYS[1], KEYS[node]], KEYS[1 - node])


def preempts(cluster: Cluster, by: Nexus) -> None:
    """One node takes the reservation from the other, with all its paths; that one is out until it registers again."""
    node, path = by
    for each in cluster.sessions:
        cluster.register(each)
    cluster.ask((1 - node, path), RESERVE)
    cluster.ask(by, PREEMPT, KEYS[1 - node])
    cluster.sees([KEYS[node]] * 2, KEYS[node])
    cluster.writes({(node, 0), (node, 1)})
    for each in PATHS:
        cluster.ask((1 - node, each), RESERVE, expect=CONFLICT)
        cluster.ask((1 - node, each), RELEASE, expect=CONFLICT)
        cluster.ask((1 - node, each), PREEMPT, KEYS[node], expect=CONFLICT)
    cluster.register((1 - node, path))
    cluster.ask((1 - node, path), RESERVE, expect=CONFLICT)
    cluster.writes({(node, 0), (node, 1), (1 - node, path)})
    cluster.ask(by, PREEMPT, KEYS[1 - node])
    cluster.sees([KEYS[node]] * 2, KEYS[node])


def clears(cluster: Cluster, by: Nexus) -> None:
    """Any registrant clears, whoever holds the reservation; nobody else does."""
    node, path = by
    cluster.register((1 - node, path))
    cluster.ask((1 - node, path), RESERVE)
    cluster.ask(by, CLEAR, expect=CONFLICT)
    cluster.register(by)
    cluster.ask(by, CLEAR)
    cluster.sees([], None)
    cluster.writes(set(cluster.sessions))


STEPS: tuple[Callable[[Cluster, Nexus], None], ...] = (registers, reserves, releases, preempts, clears)


def run() -> list[Result]:
    setup = Setup((Device("shared", size="1MiB"),), (Target(NAME, {0: "shared"}, portals=(Portal(2),)),))
    with Targed(setup) as daemon, contextlib.ExitStack() as stack:
        cluster = Cluster(daemon, stack)

        def case(step: Callable[[Cluster, Nexus], None], by: Nexus) -> None:
            cluster.start_again()
            step(cluster, by)

        cases = []
        for step, by in itertools.product(STEPS, cluster.sessions):
            cases.append(functools.partial(case, step, by))
            cases[-1].__name__ = f"node {by[0]} by path {by[1]} {step.__name__}"  # type: ignore[attr-defined]
        return report.of_each(SUITE, cases)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    report.finish(run())
