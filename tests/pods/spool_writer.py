"""A spool's files written once more, from docs/spool.md alone: what another version of the sidecar leaves behind."""

import json
import secrets
import struct
import time
import zlib
from pathlib import Path

FORMAT = 1
# FNV-1a, 128 bits: the offset basis and the prime.
BASIS = 0x6C62272E07BB014262B821756295C58D
PRIME = 0x0000000001000000000000000000013B
TEXT_CLIENT = bytes(16)


def write_lane(spool, group, stream, texts, version=FORMAT):
    """One lane of one segment with these texts, as a sidecar of that format leaves it. Gives the lane's folder."""
    lane = Path(spool) / "lanes" / lane_name(group, stream)
    lane.mkdir(parents=True)
    lane.joinpath("lane.json").write_text(json.dumps({"format": version, "group": group, "stream": stream}))
    salt = secrets.token_bytes(8)
    name = f"{0:016x}-{int.from_bytes(salt, 'little'):016x}.segment"
    lane.joinpath(name).write_bytes(header(salt, group, stream, version) + entry(salt, texts))
    return lane


def lane_name(group, stream):
    value = BASIS
    for byte in f"{group}\0{stream}".encode():
        value = (value ^ byte) * PRIME % (1 << 128)
    return f"{value:032x}"


def now_ms():
    return int(time.time() * 1000)


def header(salt, group, stream, version):
    names = b"".join(struct.pack("<H", len(name)) + name for name in (group.encode(), stream.encode()))
    rest = salt + struct.pack("<QQ", 0, now_ms()) + names + struct.pack("<I", 0)
    magic = b"SPLASHD" + str(version).encode()
    return magic + struct.pack("<II", len(rest) + 16, zlib.crc32(salt + rest)) + rest


def entry(salt, texts):
    records = b"".join(struct.pack("<qI", now_ms(), len(text)) + text for text in map(str.encode, texts))
    run = TEXT_CLIENT + struct.pack("<QII", 0, 0, len(texts))
    head = struct.pack("<IIII", len(records), zlib.crc32(salt + records), len(texts), 1)
    head += struct.pack("<QQQ", 0, 0, now_ms()) + run
    return salt + struct.pack("<I", zlib.crc32(salt + head)) + head + records
