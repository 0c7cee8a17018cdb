"""Persistent reservations, by sg_persist and Linux's initiator in a guest: every service action and type, from four I_T nexuses;
what is kept over a restart, what is lost; and a nexus that writes while another throws it out."""
from __future__ import annotations

import argparse

import guest_commands
import report
from guest_linux import Action, Guest
from harness import Targed
from report import Result
from setup import Device, Portal, Setup, Target

SUITE = "guest-reservations"
NAME = "iqn.2026-11.io.targe:guest"
FENCED_BYTES = 8 << 20


def setup() -> Setup:
    return Setup((Device("shared", size="16MiB"),), (Target(NAME, {0: "shared"}, portals=(Portal(2),)),))


def actions(daemon: Targed) -> dict[str, Action]:
    def restart() -> str:
        daemon.restart()
        return ""

    def lose() -> str:
        """The file that keeps the registrations is damaged while the daemon is away."""
        daemon.stop()
        kept = daemon.folder / "state" / "unit.shared.reservations"
        kept.write_bytes(kept.read_bytes()[:-8])
        daemon.start()
        return ""

    def holds(letter: str) -> str:
        """A: nothing but A's data; B: at least something of B's."""
        with daemon.image("shared").open("rb") as file:
            data = file.read(FENCED_BYTES)
        if letter == "A":
            return "" if data == b"A" * FENCED_BYTES else f"{FENCED_BYTES - data.count(b'A')} bytes are not A's, the first at {len(data) - len(data.lstrip(b'A'))}"
        return "" if b"B" in data else "nothing of B's is there"

    return {"restart": restart, "lose": lose, "holds": holds}


def run() -> list[Result]:
    with Targed(setup()) as daemon:
        target = daemon.target()
        return Guest("reservations.sh", [NAME, str(target.port), str(target.portals[0].port)], actions(daemon), suite=SUITE,
                     packages=guest_commands.PACKAGES).run()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
