"""What targe.h declares, for ctypes: of targe.py alone."""
from __future__ import annotations

import ctypes as c
import os


class Io(c.Structure):
    _fields_ = [("offset", c.c_uint64), ("length", c.c_uint64), ("data", c.c_void_p), ("flags", c.c_uint32), ("reserved", c.c_uint32),
                ("deadline_ns", c.c_uint64), ("user", c.c_void_p), ("source", c.c_uint64)]

class Extent(c.Structure):
    _fields_ = [("length", c.c_uint64), ("mapped", c.c_uint32)]

class Reservations(c.Structure):
    _fields_ = [("kind", c.c_uint32), ("type", c.c_uint32), ("session", c.c_uint64), ("holder", c.c_char_p), ("generation", c.c_uint32), ("registrants", c.c_uint32)]

IoCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Io))
BatchCall = c.CFUNCTYPE(None, c.c_void_p)
ReservationsCall = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Reservations))
ExtentCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Io), c.POINTER(Extent))

class BlockOps(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("read", IoCall), ("write", IoCall), ("flush", IoCall),
                ("unmap", IoCall), ("write_zeroes", IoCall), ("block_status", ExtentCall), ("write_same", IoCall), ("copy", IoCall),
                ("reservations_changed", ReservationsCall), ("batch_ended", BatchCall)]

class Sense(c.Structure):
    """As struct targe_sense of targe_commands.h."""
    _fields_ = [("key", c.c_uint8), ("asc", c.c_uint8), ("ascq", c.c_uint8), ("flags", c.c_uint8), ("specific", c.c_uint8 * 3),
                ("reserved", c.c_uint8), ("information", c.c_int64), ("command_specific", c.c_uint64)]

class Command(c.Structure):
    _fields_ = [("cdb", c.c_void_p), ("cdb_length", c.c_uint32), ("attribute", c.c_uint32), ("session", c.c_uint64), ("tag", c.c_uint64),
                ("deadline_ns", c.c_uint64), ("data_out", c.c_void_p), ("data_out_length", c.c_uint64), ("data_in", c.c_void_p),
                ("data_in_room", c.c_uint64), ("status", c.c_uint8), ("reserved", c.c_uint8 * 7), ("sense", Sense),
                ("data_in_length", c.c_uint64), ("wanted", c.c_uint64), ("user", c.c_void_p), ("report", c.c_uint64),
                ("generated", c.c_uint32), ("reserved2", c.c_uint32)]

class Range(c.Structure):
    _fields_ = [("lba", c.c_uint64), ("blocks", c.c_uint64), ("source", c.c_uint64)]

class Session(c.Structure):
    _fields_ = [("handle", c.c_uint64), ("lun", c.c_uint16), ("read_only", c.c_uint8), ("reserved", c.c_uint8 * 5),
                ("initiator", c.c_char_p), ("target", c.c_char_p)]

class Management(c.Structure):
    _fields_ = [("function", c.c_uint32), ("done", c.c_uint32), ("session", c.c_uint64)]

ExecuteCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Command))
SessionCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(Session))
DetachCall = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64)
ManagementCall = c.CFUNCTYPE(None, c.c_void_p, c.POINTER(Management))
DeliveredCall = c.CFUNCTYPE(None, c.c_void_p, c.c_uint64, c.c_uint64, c.c_int)

class CommandOps(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("execute", ExecuteCall), ("session_attach", SessionCall),
                ("session_detach", DetachCall), ("task_management", ManagementCall), ("reservations_changed", ReservationsCall),
                ("delivered", DeliveredCall), ("batch_ended", BatchCall), ("goes_on", c.c_uint32), ("remaps", c.c_uint32)]

class Rule(c.Structure):
    """As struct targe_command_rule of targe_commands.h."""
    _fields_ = [("opcode", c.c_uint8), ("action", c.c_uint8), ("direction", c.c_uint8), ("flags", c.c_uint8), ("length_at", c.c_uint8),
                ("length_bytes", c.c_uint8), ("reserved", c.c_uint8 * 2), ("unit", c.c_uint32)]

class Attachment(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("level", c.c_uint32), ("socket", c.c_char_p), ("name", c.c_char_p), ("context", c.c_void_p),
                ("depth", c.c_uint32), ("block_size", c.c_uint32), ("size", c.c_uint64), ("block_ops", c.POINTER(BlockOps)),
                ("command_ops", c.POINTER(CommandOps)), ("peripheral_type", c.c_uint8), ("removable", c.c_uint8), ("reserved", c.c_uint8 * 6),
                ("vendor", c.c_char_p), ("product", c.c_char_p), ("revision", c.c_char_p), ("vpd_pages", c.c_char_p),
                ("vpd_page_count", c.c_uint32), ("reattach", c.c_uint32), ("rules", c.POINTER(Rule)), ("rule_count", c.c_uint32),
                ("lends", c.c_uint32), ("memory", c.c_int32), ("reserved2", c.c_uint32)]


def library() -> c.CDLL:
    try:
        library = c.CDLL(os.environ.get("TARGE_LIBRARY", "libtarge.so.0"))
    except OSError as error:
        raise OSError(f"{error}; install libtarge and run ldconfig, or say where it is: TARGE_LIBRARY=…/libtarge.so.0") from None
    library.targe_attach.restype = c.c_void_p
    command, io = c.POINTER(Command), c.POINTER(Io)
    for name, arguments in {
            "attach": [c.POINTER(Attachment), c.c_int, c.c_char_p, c.c_size_t], "run": [c.c_void_p], "stop": [c.c_void_p], "detach": [c.c_void_p],
            "block_size": [c.c_void_p], "raise": [c.c_void_p, c.c_uint8, c.c_uint8, c.c_uint64], "resize": [c.c_void_p, c.c_uint64],
            "set_log_page": [c.c_void_p, c.c_uint8, c.c_char_p, c.c_size_t], "set_depth": [c.c_void_p, c.c_uint32], "lend": [io, c.c_uint64],
            "go_on": [command], "command_complete": [command], "aborted": [command],
            "remap_write_same": [command, c.c_char_p, c.c_uint32, c.POINTER(Range), c.c_uint32],
            "remap_copy": [command, c.c_uint32, c.POINTER(Range), c.c_uint32], "invalid_field": [command, c.c_uint, c.c_int],
            "fail": [command, c.c_uint8, c.c_uint8, c.c_uint8]}.items():
        getattr(library, f"targe_{name}").argtypes = arguments
    return library


def checked(result: int) -> int:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
    return result
