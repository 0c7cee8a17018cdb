"""The loads that tools/profile records targed under: what `make bench` measures, a second of each."""
from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from cells import CELLS, UNIT_BYTES  # noqa: E402
from peers import NAME, PROGRAMS, peers  # noqa: E402

# The load generator is instrumented, too; what it does is not asked for.
UNRECORDED = os.environ | {"LLVM_PROFILE_FILE": "/dev/null"}


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="targe-profile-", dir="/dev/shm") as memory, tempfile.TemporaryDirectory(prefix="targe-profile-", dir="/var/tmp") as disk:
        folders = {"tmpfs": pathlib.Path(memory), "disk": pathlib.Path(disk)}
        for store in ("null", "ram", "file", "null in another program", "ram in another program"):
            with peers(store, folders, ("targe",)) as found:
                found[0].go_on()
                for cell in (cell for cell in CELLS if cell.store == store):
                    print(f"profile: {cell.name}", file=sys.stderr, flush=True)
                    subprocess.run([PROGRAMS / "loadgen", "--port", str(found[0].port), "--target", NAME, "--lun", "0", "--seconds", "1", *cell.work.arguments(UNIT_BYTES)],
                                   check=True, capture_output=True, timeout=120, env=UNRECORDED)


if __name__ == "__main__":
    main()
