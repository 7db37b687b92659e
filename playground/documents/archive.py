"""Opens the zip files that DOCX and EPUB are, never unpacking more than was allowed, and reads XML in them safely.

Knows nothing of what the members mean. No entity is resolved, no file or address outside is asked.
"""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from playground.errors import BadValueError

if TYPE_CHECKING:
    from lxml import etree

MOST_UNPACKED = 1_000_000_000
"""Bytes that all members together may say to have."""
_MOST_READ = 200_000_000
"""Bytes that are really unpacked, of all members that are read."""
_MOST_RATIO, _SMALL = 250, 20_000_000
"""How often smaller than its contents an archive may be, where these are not small anyway."""
_LONGEST_READ = 32_000_000
"""Bytes asked for at once: a list of members that is longer is no document's."""


class _Careful(io.FileIO):
    """A file of which nobody reads too much at once: zipfile would read a list of a million members."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_careful(size, os.fstat(self.fileno()).st_size - self.tell()))


class _CarefulBytes(io.BytesIO):
    """The same in memory; as with a file it is an OSError to look before its beginning."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(_careful(size, self.getbuffer().nbytes - self.tell()))

    def seek(self, place: int, whence: int = 0, /) -> int:
        try:
            return super().seek(place, whence)
        except ValueError as error:
            raise OSError(str(error)) from error


def _careful(size: int | None, left: int) -> int:
    if size is None or size < 0:
        size = max(0, left)
    if size > _LONGEST_READ:
        raise zipfile.BadZipFile("too much at once")
    return size


class Archive:
    """A zip file, opened. Members are read through `read` and `stream`, which share one allowance of bytes."""

    def __init__(self, zipped: zipfile.ZipFile, name: str) -> None:
        self._zipped, self.name = zipped, name
        self._left = _MOST_READ
        self.members = frozenset(zipped.namelist())

    @contextmanager
    def stream(self, member: str) -> Iterator[Counted]:
        """One member, as something that can be read from. Raises BadValueError when it is missing or too large."""
        if member not in self.members:
            raise damaged(self.name)
        with self._zipped.open(member) as opened:
            yield Counted(opened, self)

    def read(self, member: str) -> bytes:
        """All of one member."""
        with self.stream(member) as opened:
            return b"".join(iter(lambda: opened.read(1 << 20), b""))

    def took(self, count: int) -> None:
        """Count what was unpacked. Raises BadValueError when it is too much."""
        self._left -= count
        if self._left < 0:
            raise _bomb(self.name)


class Counted:
    """A member, of which every byte is counted."""

    def __init__(self, opened: IO[bytes], archive: Archive) -> None:
        self._opened, self._archive = opened, archive

    def read(self, size: int = -1) -> bytes:
        """At most 1 MB at a time."""
        data = self._opened.read(min(size, 1 << 20) if size >= 0 else 1 << 20)
        self._archive.took(len(data))
        return data


@contextmanager
def opened(file: Path | bytes, name: str) -> Iterator[Archive]:
    """The archive. Raises BadValueError when it is damaged, locked, or would unpack to far too much (checked first)."""
    try:
        with _CarefulBytes(file) if isinstance(file, bytes) else _Careful(file) as raw, zipfile.ZipFile(raw) as zipped:
            size = len(file) if isinstance(file, bytes) else file.stat().st_size
            whole = sum(member.file_size for member in zipped.infolist())
            packed = max(1, min(size, sum(member.compress_size for member in zipped.infolist())))
            if whole > MOST_UNPACKED or whole > max(_SMALL, _MOST_RATIO * packed):
                raise _bomb(name)
            if any(member.flag_bits & 1 for member in zipped.infolist()):
                raise BadValueError(
                    f"{name} is protected with a password. Save it without the password and attach that file."
                )
            yield Archive(zipped, name)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise damaged(name) from error


def elements(archive: Archive, member: str, *tags: str) -> Iterator[etree._Element]:
    """The elements of an XML member with these tags (`{*}p` in any namespace), each when it has ended.

    Raises BadValueError when the XML is damaged.
    """
    from lxml import etree

    with archive.stream(member) as source:
        try:
            found = etree.iterparse(source, ("end",), tag=tags, resolve_entities=False, load_dtd=False, no_network=True)
            for _, element in found:
                yield element
        except etree.LxmlError as error:
            raise damaged(archive.name) from error


def damaged(name: str) -> BadValueError:
    """What to say of a file whose inside is not as it should be."""
    return BadValueError(
        f"{name} is damaged, or cut off. Open it in the program that made it and save it anew, or get it again."
    )


def _bomb(name: str) -> BadValueError:
    return BadValueError(
        f"{name} would unpack to far more than a document has, so it was not opened. Check its origin."
    )
