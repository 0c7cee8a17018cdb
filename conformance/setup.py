"""What a test wants served, as values, and the configuration that asks targed for it."""
from __future__ import annotations

import dataclasses
import json
import pathlib
import socket


@dataclasses.dataclass(frozen=True)
class Device:
    name: str
    handler: str = "file"
    size: str = "1000MiB"
    block_size: int = 512
    thin: bool = False
    read_only: bool = False
    removable: bool = False
    write_cache: str = "write-back"
    physical_block_size: int | None = None
    direct: bool = False
    task_set: str | None = None
    max_commands: int | None = None
    path: str | None = None  # of a block device, which has its own size, of a file that is elsewhere, or of a drive's disc
    threshold_available: str | None = None
    deadline: str | None = None  # of a handler in another program
    hold: str | None = None
    type: str | None = None
    serial: str | None = None


@dataclasses.dataclass(frozen=True)
class ChapUser:
    name: str
    secret: str


@dataclasses.dataclass(frozen=True)
class Portal:
    """A further portal of a target, and a target port of its own."""
    group: int
    port: int = 0  # 0: a free one
    listen: str = "127.0.0.1"
    advertise: str | None = None


@dataclasses.dataclass(frozen=True)
class Target:
    name: str
    luns: dict[int, str]  # LUN -> device
    port: int = 0  # 0: a free one
    listen: str = "127.0.0.1"
    advertise: str | None = None  # "10.0.2.2": what SendTargets says instead of 127.0.0.1
    portals: tuple[Portal, ...] = ()  # besides the one above, which is of portal group 1
    users: tuple[ChapUser, ...] = ()
    digests: str = "allow"
    limits: dict[str, object] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class PortGroup:
    """A target port group: portal groups of one target."""
    id: int
    target: str
    portal_groups: tuple[int, ...]
    state: str = "active/optimized"
    preferred: bool = False


@dataclasses.dataclass(frozen=True)
class DeviceGroup:
    name: str
    devices: tuple[str, ...]
    port_groups: tuple[PortGroup, ...]
    explicit: bool = False
    hook: str | None = None
    transition_hold: str | None = None


@dataclasses.dataclass(frozen=True)
class Setup:
    devices: tuple[Device, ...]
    targets: tuple[Target, ...]
    reactors: int | None = None
    daemon: dict[str, object] = dataclasses.field(default_factory=dict)  # further keys of [daemon]
    device_groups: tuple[DeviceGroup, ...] = ()


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def size_bytes(size: str) -> int:
    units = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
    return int(size[:-3]) * units[size[-3:]]


def with_ports(setup: Setup) -> Setup:
    """Targets without a port share one portal."""
    shared = free_port()

    def reachable(target: Target) -> Target:
        portals = tuple(portal if portal.port else dataclasses.replace(portal, port=free_port()) for portal in target.portals)
        return dataclasses.replace(target, port=target.port or shared, portals=portals)

    return dataclasses.replace(setup, targets=tuple(reachable(target) for target in setup.targets))


def device_path(folder: pathlib.Path, device: Device) -> pathlib.Path:
    return folder / f"{device.name}.img"


def toml(value: object) -> str:
    """TOML's inline notation. Strings, numbers and lists are written as in JSON."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)


def _table(header: str, values: dict[str, object]) -> str:
    return header + "\n" + "".join(f"{key} = {toml(value)}\n" for key, value in values.items() if value is not None) + "\n"


def _device_table(folder: pathlib.Path, device: Device) -> dict[str, object]:
    if device.type == "cdrom":  # which is of its image what it is
        return {"name": device.name, "handler": device.handler, "type": device.type, "path": device.path}
    table: dict[str, object] = {"name": device.name, "handler": device.handler, "size": device.size, "block_size": device.block_size}
    if device.handler == "file":
        table["path"] = device.path or str(device_path(folder, device))
        table["write_cache"] = device.write_cache
        table["direct"] = True if device.direct else None
    elif device.handler == "block":
        table["path"], table["size"] = device.path, None
    elif device.handler == "user":
        table["size"] = device.size or None
        table["socket"] = str(folder / f"{device.name}.handler.sock")
        table["deadline"], table["hold"], table["type"] = device.deadline, device.hold, device.type
        if device.type:
            table["block_size"] = None
    table["serial"] = device.serial
    table["thin"] = True if device.thin else None
    table["threshold_available"] = device.threshold_available
    table["read_only"] = True if device.read_only else None
    table["removable"] = True if device.removable else None
    table["physical_block_size"] = device.physical_block_size
    table["task_set"] = device.task_set
    table["max_commands"] = device.max_commands
    return table


def _portal(listen: str, advertise: str | None, port: int, group: int) -> object:
    if not advertise and group == 1:
        return f"{listen}:{port}"
    table: dict[str, object] = {"listen": f"{listen}:{port}", "group": group}
    return table | ({"advertise": f"{advertise}:{port}"} if advertise else {})


def _target_table(target: Target) -> dict[str, object]:
    more = [_portal(portal.listen, portal.advertise, portal.port, portal.group) for portal in target.portals]
    auth: dict[str, object] = {"method": "none"}
    if target.users:
        auth = {"method": "chap", "users": [{"name": user.name, "secret": user.secret} for user in target.users]}
    return {
        "name": target.name,
        "portals": [_portal(target.listen, target.advertise, target.port, 1), *more],
        "luns": [{"lun": lun, "device": device} for lun, device in target.luns.items()],
        "auth": auth,
        "header_digest": target.digests,
        "data_digest": target.digests,
    } | target.limits


def _device_group_table(group: DeviceGroup) -> dict[str, object]:
    port_groups = [{"id": each.id, "state": each.state, "preferred": each.preferred,
                    "ports": [{"target": each.target, "portal_group": tag} for tag in each.portal_groups]} for each in group.port_groups]
    return {"name": group.name, "devices": group.devices, "explicit": group.explicit, "hook": group.hook,
            "transition_hold": group.transition_hold, "port_group": port_groups}


def configuration(setup: Setup, folder: pathlib.Path) -> str:
    text = _table("[daemon]", {
        "state_dir": str(folder / "state"),
        "socket": str(folder / "targe.sock"),
        "reactors": setup.reactors,
    } | setup.daemon)
    text += "".join(_table("[[device]]", _device_table(folder, device)) for device in setup.devices)
    text += "".join(_table("[[target]]", _target_table(target)) for target in setup.targets)
    return text + "".join(_table("[[device_group]]", _device_group_table(group)) for group in setup.device_groups)
