"""What a container keeps its programs from."""
from __future__ import annotations

import ctypes
import struct


def forbid_io_uring() -> None:
    """In a child before exec: a seccomp filter that answers io_uring_setup with EPERM, as container runtimes do."""
    setup_call, eperm, architecture_independent = 425, 1, 0  # the number is the same on every architecture
    load, equal, give, allow, errno = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000
    program = b"".join(struct.pack("HBBI", *step) for step in (
        (load, 0, 0, architecture_independent), (equal, 0, 1, setup_call), (give, 0, 0, errno | eperm), (give, 0, 0, allow)))
    code = ctypes.create_string_buffer(program, len(program))

    class FilterProgram(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    wanted = FilterProgram(4, ctypes.addressof(code))
    no_new_privileges, set_seccomp, filter_mode = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(set_seccomp, filter_mode, ctypes.byref(wanted), 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
