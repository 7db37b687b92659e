"""Zip files of which a few members are exchanged; all others are copied as they are packed. Knows no contents."""

from __future__ import annotations

import copy
import io
import struct
import zipfile
from collections.abc import Mapping

_HEAD = struct.Struct("<4s22xHH")
"""The head of a member: its sign, and how long its name and its extra field are."""


def exchanged(data: bytes, members: Mapping[str, bytes]) -> bytes:
    """The zip file in `data` with these contents for these members, in the same order.

    Raises zipfile.BadZipFile when a member is not where it should be.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(out, "w") as target:
        for member in source.infolist():
            if source.NameToInfo[member.filename] is not member:
                continue  # Of two that have the same name, the last one counts.
            if member.filename in members:
                info = zipfile.ZipInfo(member.filename, member.date_time)
                info.compress_type, info.external_attr = member.compress_type, member.external_attr
                target.writestr(info, members[member.filename])
            else:
                _copy(data, member, target)
        target.comment = source.comment
    return out.getvalue()


def _copy(data: bytes, member: zipfile.ZipInfo, target: zipfile.ZipFile) -> None:
    """Copy what is packed without unpacking it: pictures may be large, and zipfile has nothing for it."""
    head = data[member.header_offset : member.header_offset + _HEAD.size]
    if len(head) < _HEAD.size or not head.startswith(b"PK\x03\x04"):
        raise zipfile.BadZipFile("a member is not where it should be")
    _, name, extra = _HEAD.unpack(head)
    start = member.header_offset + _HEAD.size + name + extra
    packed = data[start : start + member.compress_size]
    if len(packed) != member.compress_size or target.fp is None:
        raise zipfile.BadZipFile("a member is cut off")
    info = copy.copy(member)
    info.header_offset = target.start_dir
    info.flag_bits &= ~0x08  # Its sizes stand in its head now, not behind it.
    target.fp.seek(target.start_dir)
    target.fp.write(info.FileHeader(False) + packed)
    target.start_dir = target.fp.tell()
    target.filelist.append(info)
    target.NameToInfo[info.filename] = info
