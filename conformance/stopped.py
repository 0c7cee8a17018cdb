"""A daemon that was stopped, with SIGSTOP, for longer than it waits for anybody: when it goes on everybody has a new chance.

    conformance/stopped.py [--seconds N]
"""
from __future__ import annotations

import argparse
import os
import select
import signal
import socket
import struct
import time

import report
from handlers import NAME, await_ready, gzdisk
from harness import Targed
from iscsi_client import Session, read16
from lifecycle import expect
from report import Result
from setup import Device, Setup, Target

SUITE = "stopped"
LIMIT_S = 5  # that the daemon gives everybody
STOPPED_S = 12.0
LATE_S = 2.0  # that they take when it goes on


def is_closed(connection: socket.socket) -> bool:
    return bool(select.select([connection], [], [], 0)[0]) and connection.recv(1, socket.MSG_PEEK) == b""


def setup() -> Setup:
    limit = f"{LIMIT_S}s"
    devices = (Device("ram", handler="ram", size="8MiB"), Device("user", handler="user", size="8MiB", deadline=limit))
    target = Target(NAME, {0: "ram", 1: "user"}, limits={"nop_interval": "1s", "nop_timeout": limit})
    return Setup(devices, (target,), reactors=2, daemon={"login_timeout": limit})


def new_chance(seconds: float) -> None:
    """An initiator that was pinged, one that had begun to log in, and a handler with a command in hand. All are stopped as well, as on a
    machine that is paused as a whole, and need a moment to go on."""
    with Targed(setup()) as daemon, gzdisk(daemon, "user", 8) as handler:
        await_ready(daemon, 1)
        port, patience = daemon.target().port, seconds + 60
        with Session(port, NAME, timeout=patience) as busy, Session(port, NAME, isid=2, timeout=patience) as silent:
            expect(busy.command(read16(0, 8), read=4096, lun=1).good, "the handler does not serve to begin with")
            handler.process.send_signal(signal.SIGSTOP)
            in_hand = busy.submit(read16(0, 8), read=4096, lun=1)
            time.sleep(1.5)  # by now it has pinged whoever is silent
            newcomer = socket.create_connection(("127.0.0.1", port))
            time.sleep(0.5)
            os.kill(daemon.pid, signal.SIGSTOP)
            time.sleep(seconds)
            os.kill(daemon.pid, signal.SIGCONT)
            time.sleep(LATE_S)
            handler.process.send_signal(signal.SIGCONT)
            expect("does not answer pings" not in daemon.log(), "whoever had been pinged was dropped")
            expect(not is_closed(newcomer), "whoever had begun to log in was dropped")
            while in_hand.status is None:
                busy.collect()
            expect(in_hand.good, f"the command in hand ended with {in_hand.status}, {in_hand.sense_triple}")
            expect(silent.command(read16(0, 8), read=4096).good and silent.command(read16(0, 8), read=4096, lun=1).good, "the units do not serve any more")
            expect("did not run for" in daemon.log(), "the log does not tell of it")
            newcomer.close()


def limits_hold(seconds: float) -> None:
    """The new chance is one, and no more."""
    with Targed(setup()) as daemon:
        silent = Session(daemon.target().port, NAME)
        silent.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        time.sleep(2)
        os.kill(daemon.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(daemon.pid, signal.SIGCONT)
        end = time.monotonic() + 30
        while "does not answer pings" not in daemon.log() and time.monotonic() < end:
            time.sleep(0.1)
        expect("does not answer pings" in daemon.log(), "an initiator that never answers was not dropped")
        silent.close()


def run(seconds: float = STOPPED_S) -> list[Result]:
    def everybody_gets_a_new_chance() -> None:
        new_chance(seconds)

    def limits_hold_afterwards() -> None:
        limits_hold(seconds)

    return report.of_each(SUITE, (everybody_gets_a_new_chance, limits_hold_afterwards))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=STOPPED_S)
    report.finish(run(parser.parse_args().seconds))
