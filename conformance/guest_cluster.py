"""What people run clusters with, on two guests that share units over two portals each: fence_scsi, fence_mpath, sanlock and OCFS2.

The guests run one script, each as a node of its own. They share nothing but the target and a wire between them, and wait for
each other by asking the host.
"""
from __future__ import annotations

import argparse
import pathlib
import tempfile
import threading

import report
from guest_linux import DIES, Action, Guest
from harness import ROOT, Targed
from report import Result
from setup import Device, Portal, Setup, Target

SUITE = "guest-cluster"
NAME = "iqn.2026-11.io.targe:cluster"
PACKAGES = ("open-iscsi,sg3-utils,multipath-tools,coreutils,diffutils,sed,grep,gawk,util-linux,iproute2,kmod,sanlock,ocfs2-tools,"
            "python3,python3-pexpect,python3-pycurl,fence-agents!")
MODULES = "iscsi_tcp,sd_mod,sg,crc32c_generic,dm_multipath,dm_service_time,scsi_dh_alua,ocfs2,ocfs2_stack_o2cb,ocfs2_dlm"
NODES = (1, 2)  # the second one dies in the end
UNITS = (Device("fenced", size="16MiB"), Device("files", size="256MiB", thin=True), Device("large", size="16MiB", block_size=4096))
MEETING_S = 300.0
MIB = 1 << 20


def setup() -> Setup:
    target = Target(NAME, {lun: device.name for lun, device in enumerate(UNITS)}, advertise="10.0.2.2", portals=(Portal(2, advertise="10.0.2.2"),))
    return Setup(UNITS, (target,))


class Host:
    """What the host does for the nodes."""

    def __init__(self, daemon: Targed) -> None:
        self.daemon = daemon
        self.barrier = threading.Barrier(len(NODES))

    def meet(self, *words: str) -> str:
        """Nobody goes on before both are there."""
        try:
            self.barrier.wait(MEETING_S)
        except threading.BrokenBarrierError:
            return "the other node did not come"
        return ""

    def kill9(self) -> str:
        self.daemon.kill()
        self.daemon.start()
        return ""

    def holds(self, device: str, letter: str, first: str, end: str) -> str:
        """Nothing but that letter is in these MiB of the unit."""
        with self.daemon.image(device).open("rb") as file:
            file.seek(int(first) * MIB)
            data = file.read((int(end) - int(first)) * MIB)
        other = len(data) - data.count(letter.encode())
        return f"{other} of {len(data)} bytes are not {letter}, the first at {len(data) - len(data.lstrip(letter.encode()))}" if other else ""

    def actions(self) -> dict[str, Action]:
        return {"meet": self.meet, "kill9": self.kill9, "holds": self.holds}


def run() -> list[Result]:
    with Targed(setup()) as daemon, tempfile.TemporaryDirectory(prefix="targe-cluster-") as folder:
        host, target = Host(daemon), daemon.target()
        naa = {device["name"]: device["naa"].removeprefix("naa.") for device in daemon.targe_json("device", "list")}  # type: ignore[attr-defined]
        wires = {node: pathlib.Path(folder) / f"wire{node}" for node in NODES}
        results: dict[int, list[Result]] = {}

        def serve(node: int) -> None:
            link = f"{wires[node]}:{wires[3 - node]}:10.0.4.{node}/24"
            arguments = [NAME, str(target.port), str(target.portals[0].port), str(node), *(naa[unit.name] for unit in UNITS)]
            guest = Guest("cluster.sh", arguments, host.actions(), suite=f"{SUITE} {node}", packages=PACKAGES, modules=MODULES, options=("-l", link),
                          share={"multipath.conf": ROOT / "docs" / "examples" / "multipath.conf"}, status=DIES if node == NODES[-1] else 0)
            try:
                results[node] = guest.run()
            finally:
                host.barrier.abort()  # whoever still waits waits in vain

        threads = [threading.Thread(target=serve, args=(node,)) for node in NODES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        missing = [report.failed(SUITE, f"node {node}", "its guest could not be run") for node in NODES if node not in results]
        return [result for each in results.values() for result in each] + missing


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    report.finish(run())
