"""CRC32C, byte by byte: slow, and independent of the one that is tested."""


def _table() -> list[int]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


_TABLE = _table()


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def digest(data: bytes) -> bytes:
    """As iSCSI puts it on the wire."""
    return crc32c(data).to_bytes(4, "little")
