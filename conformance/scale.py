"""1,000 LUNs and 200 sessions: time to start, memory, and what an idle daemon costs; and what 1,000 idle sessions cost. Figures go to build/results/scale.json."""
from __future__ import annotations

import json
import pathlib
import resource
import time

import report
from harness import ROOT, Targed
from iscsi_client import TEST_UNIT_READY, Session, read16
from report import Result
from setup import Device, Setup, Target

SUITE = "scale"
LUNS = 1000
SESSIONS = 200
START_LIMIT_S = 15.0  # some hundred times what it takes where the disk has nothing else to do
IDLE_LIMIT = 0.005  # of one core
IDLE_WATCH_S = 10.0
MANY_SESSIONS = 1000
MANY_IDLE_LIMIT = 0.01  # of one core
LEFT_LIMIT = 0.2  # of what sessions took, once they have ended
LEFT_WAIT_S = 60.0
RESULTS = ROOT / "build" / "results" / "scale.json"


def resident_bytes(pid: int) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) << 10


def cpu_seconds(pid: int) -> float:
    """Of all threads, from the scheduler: /proc/PID/stat counts in ticks, which is too coarse for an idle process."""
    return sum(int((task / "schedstat").read_text().split()[0]) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e9


def idle_share(pid: int) -> float:
    time.sleep(2.0)  # whatever was still to be done is done
    before, begin = cpu_seconds(pid), time.monotonic()
    time.sleep(IDLE_WATCH_S)
    return (cpu_seconds(pid) - before) / (time.monotonic() - begin)


def measure() -> tuple[dict[str, float], list[str]]:
    devices = tuple(Device(f"disk{number}", size="1GiB", thin=True) for number in range(LUNS))
    target = Target("iqn.2026-11.io.targe:scale", {number: device.name for number, device in enumerate(devices)})
    figures: dict[str, float] = {"luns": LUNS, "sessions": SESSIONS}
    wrong: list[str] = []
    sessions: list[Session] = []
    # The soft limit of a shell, of which a file has two.
    with Targed(Setup(devices, (target,)), prefix=("prlimit", "--nofile=1024:")) as daemon:
        figures["first_start_s"] = daemon.start_seconds  # makes the files and the identities
        daemon.restart()
        figures["start_s"] = daemon.start_seconds
        figures["resident_mib"] = resident_bytes(daemon.pid) / 2**20
        figures["idle_share"] = idle_share(daemon.pid)
        begin = time.monotonic()
        try:
            for number in range(SESSIONS):
                session = Session(daemon.target().port, target.name, initiator=f"iqn.2026-11.io.targe:host{number}", isid=number + 1)
                sessions.append(session)
                lun = (number * 5) % LUNS
                if not session.command(TEST_UNIT_READY, lun=lun).good:
                    wrong.append(f"session {number}: LUN {lun} is not ready")
            figures["login_s"] = time.monotonic() - begin
            luns = sessions[0].command(bytes([0xA0, 0, 0, 0, 0, 0]) + (8 * LUNS + 8).to_bytes(4, "big") + bytes(2), read=8 * LUNS + 8)
            if int.from_bytes(luns.data_in[:4], "big") != 8 * LUNS:
                wrong.append(f"REPORT LUNS lists {int.from_bytes(luns.data_in[:4], 'big') // 8} of {LUNS}")
            for number, session in enumerate(sessions):
                if not session.command(read16(0, 8), read=4096, lun=(number * 7) % LUNS).good:
                    wrong.append(f"session {number} cannot read")
            figures["resident_with_sessions_mib"] = resident_bytes(daemon.pid) / 2**20
            figures["idle_share_with_sessions"] = idle_share(daemon.pid)
            for session in sessions:
                session.logout()
        finally:
            for session in sessions:
                session.close()
    return figures, wrong


def measure_many_sessions() -> dict[str, float]:
    """Logged in, with nothing to do: they have two reactors, which look now and then who is busy."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    target = Target("iqn.2026-11.io.targe:many", {0: "disk0"}, limits={"max_sessions": MANY_SESSIONS})
    sessions: list[Session] = []
    with Targed(Setup((Device("disk0", handler="ram", size="16MiB"),), (target,), reactors=2)) as daemon:
        try:
            before = resident_bytes(daemon.pid)
            for number in range(MANY_SESSIONS):
                sessions.append(Session(daemon.target().port, target.name, initiator=f"iqn.2026-11.io.targe:host{number}", isid=number + 1))
            each = (resident_bytes(daemon.pid) - before) / MANY_SESSIONS
            figures = {"many_sessions": MANY_SESSIONS, "kib_per_session": each / 1024, "idle_share_with_many_sessions": idle_share(daemon.pid)}
            for session in sessions:
                session.close()
            # What an allocator needs for itself, and pages that something else is on, stay.
            end = time.monotonic() + LEFT_WAIT_S
            while resident_bytes(daemon.pid) - before > LEFT_LIMIT * each * MANY_SESSIONS and time.monotonic() < end:
                time.sleep(0.5)
            return figures | {"left_share_of_many_sessions": (resident_bytes(daemon.pid) - before) / (each * MANY_SESSIONS)}
        finally:
            for session in sessions:
                session.close()


def run() -> list[Result]:
    figures, wrong = measure()
    figures |= measure_many_sessions()
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print("scale: " + ", ".join(f"{name} {value:.4g}" for name, value in figures.items()), flush=True)
    results = [report.failed(SUITE, "works", "\n".join(wrong[:10])) if wrong else report.passed(SUITE, "works")]
    for name, key, limit in (("first start", "first_start_s", START_LIMIT_S), ("start", "start_s", START_LIMIT_S), ("idle", "idle_share", IDLE_LIMIT),
                             ("idle with sessions", "idle_share_with_sessions", IDLE_LIMIT),
                             ("idle with 1,000 sessions", "idle_share_with_many_sessions", MANY_IDLE_LIMIT),
                             ("memory after 1,000 sessions", "left_share_of_many_sessions", LEFT_LIMIT)):
        note = f"{figures[key]:.4f}, limit {limit}"
        results.append(report.passed(SUITE, name, note) if figures[key] < limit else report.failed(SUITE, name, note))
    return results


if __name__ == "__main__":
    report.finish(run())
