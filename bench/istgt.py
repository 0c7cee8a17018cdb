"""Debian's istgt, served like targed: a peer of the benchmarks. It knows files only."""
from __future__ import annotations

import pathlib
import shutil
import subprocess
import tempfile
import time
from typing import Self

from setup import Setup, Target, device_path, free_port, with_ports

_GLOBAL = """[Global]
  NodeBase "{base}"
  PidFile {folder}/pid
  AuthFile {folder}/auth
  LogFacility "local7"
  Timeout 30
  NopInInterval 20
  DiscoveryAuthMethod Auto
  MaxSessions 64
  MaxConnections 4
  MaxR2T 32
  MaxOutstandingR2T 16
  DefaultTime2Wait 2
  DefaultTime2Retain 60
  FirstBurstLength 262144
  MaxBurstLength 1048576
  MaxRecvDataSegmentLength 262144
  InitialR2T Yes
  ImmediateData Yes
  DataPDUInOrder Yes
  DataSequenceInOrder Yes
  ErrorRecoveryLevel 0
[UnitControl]
  AuthMethod None
  Portal UC1 127.0.0.1:{control}
  Netmask 127.0.0.1
[PortalGroup1]
  Portal DA1 127.0.0.1:{port}
[InitiatorGroup1]
  InitiatorName "ALL"
  Netmask 127.0.0.1
"""
_UNIT = """[LogicalUnit1]
  TargetName "{name}"
  Mapping PortalGroup1 InitiatorGroup1
  AuthMethod None
  UseDigest Auto
  UnitType Disk
  QueueDepth 32
"""


class Istgt:
    """with Istgt(setup) as istgt: … One target; its files must be there."""

    def __init__(self, setup: Setup, folder: pathlib.Path | None = None, prefix: tuple[str, ...] = ()) -> None:
        self.setup = with_ports(setup)
        self.own_folder = folder is None
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="istgt-test-"))
        self.prefix = prefix
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        target = self.target()
        base, _, name = target.name.rpartition(":")
        text = _GLOBAL.format(base=base, folder=self.folder, control=free_port(), port=target.port) + _UNIT.format(name=name)
        for lun, device_name in target.luns.items():
            device = next(d for d in self.setup.devices if d.name == device_name)
            text += f"  LUN{lun} Storage {device_path(self.folder, device)} Auto\n"
        config = self.folder / "istgt.conf"
        config.write_text(text)
        auth = self.folder / "auth"
        auth.touch(0o600)
        with (self.folder / "istgt.log").open("ab") as log:
            self.process = subprocess.Popen([*self.prefix, "istgt", "-c", str(config), "-D"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self._listens(target.port):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"istgt does not serve: {(self.folder / 'istgt.log').read_text()[-2000:]}")
            time.sleep(0.1)
        return self

    @staticmethod
    def _listens(port: int) -> bool:
        """Without a connection, which istgt would take for an initiator that breaks off."""
        wanted = f":{port:04X}"
        lines = pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
        return any(fields[1].endswith(wanted) and fields[3] == "0A" for fields in map(str.split, lines))

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def target(self) -> Target:
        return self.setup.targets[0]
