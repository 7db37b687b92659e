"""Reads what the files of a model say of themselves at their beginning: GGUF, and safetensors. Never the weights.

The gguf package's own reader takes seconds for a vocabulary of 50,000 words, because it makes an array of each; this
one steps over them. Knows nothing of what the values mean: `shape` does.
"""

from __future__ import annotations

import json
import math
import mmap
import stat
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playground.errors import MissingError, ModelError

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
"""GGUF's value types, as `struct` calls them."""
_STRING, _ARRAY = 8, 9
_LONG = 4096
"""Arrays longer than this are stepped over: one value for each layer is wanted, one for each word is not."""
_MOST = 1_000_000
"""More tensors or keys than this, and it is not a header."""
_LONGEST = 100_000_000
"""Bytes of a safetensors header, by the format's own rule."""
_MOST_SIDES = 16
_STRANGE = (struct.error, ArithmeticError, IndexError, TypeError, ValueError)
"""What reading a header that lies ends in."""
_HALF = "{file} is cut off: its beginning speaks of {wanted} bytes, but it has {there} bytes. Download it again."
SAFETENSORS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "U16": 16, "I16": 16}
SAFETENSORS |= {"F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "F4": 4}
"""Bits of one value."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file: rows first, as torch has it (GGUF writes them last)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    bytes: int

    @property
    def values(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Header:
    """A GGUF file's keys and tensors. `lengths` has the lengths of arrays, also of those left out of `keys`."""

    keys: Mapping[str, Any]
    tensors: tuple[Tensor, ...]
    lengths: Mapping[str, int] = field(default_factory=dict)


def read_gguf(file: Path) -> Header:
    """The header of one GGUF file. Raises MissingError, or ModelError for what is none or is cut off."""
    with _opened(file) as stream:
        if stream.read(4) != b"GGUF":
            raise ModelError(f"{file} is not a GGUF model file. Give a .gguf file or a folder with safetensors.")
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                return _Cursor(data, file).header()
            except _STRANGE as error:
                raise ModelError(f"{file} is damaged or cut off. Download it again.") from error


def read_safetensors(file: Path) -> tuple[Tensor, ...]:
    """The tensors of one safetensors file. Raises MissingError, or ModelError for what is none or is cut off."""
    there = _size(file)
    with _opened(file) as stream:
        try:
            length = struct.unpack("<Q", stream.read(8))[0]
            if length > there - 8:
                raise ModelError(_HALF.format(file=file, wanted=f"{length + 8:,}", there=f"{there:,}"))
            if length > _LONGEST:
                raise ValueError("no header is that long")
            entries = json.loads(stream.read(length))
            about = {name: entry for name, entry in entries.items() if name != "__metadata__"}
            tensors = tuple(_tensor(name, entry) for name, entry in about.items())
            end = max((entry["data_offsets"][1] for entry in about.values()), default=0)
        except (*_STRANGE, AttributeError, KeyError, RecursionError) as error:
            raise ModelError(f"{file} is not a safetensors file, or is damaged. Download it again.") from error
    wanted = 8 + length + end
    if there < wanted:
        raise ModelError(_HALF.format(file=file, wanted=f"{wanted:,}", there=f"{there:,}"))
    return tensors


def _tensor(name: str, entry: Mapping[str, Any]) -> Tensor:
    """One entry of a safetensors header. Raises ValueError and others for one that cannot be."""
    shape, (begin, end) = tuple(entry["shape"]), entry["data_offsets"]
    numbers = (*shape, begin, end)
    if len(shape) > _MOST_SIDES or not all(type(number) is int and 0 <= number < 1 << 62 for number in numbers):
        raise ValueError("a tensor has no such place or size")
    bits = SAFETENSORS.get(entry["dtype"])
    if end < begin or (bits is not None and math.prod(shape) * bits != (end - begin) * 8):
        raise ValueError("a tensor's place has another size than it says")
    return Tensor(name, shape, str(entry["dtype"]), end - begin)


class _Cursor:
    """A place in a GGUF file's header, moving on as values are read."""

    def __init__(self, data: mmap.mmap, file: Path) -> None:
        self._data, self._file, self._at = data, file, 4

    def header(self) -> Header:
        version = self._take("I")
        if version not in (2, 3):
            raise ModelError(f"{self._file} is a GGUF file of version {version}, which is not known here. Convert it.")
        tensors, keys = self._take("Q"), self._take("Q")
        if tensors > _MOST or keys > _MOST:
            raise ModelError(f"{self._file} is damaged. Download it again.")
        values: dict[str, Any] = {}
        lengths: dict[str, int] = {}
        for _ in range(keys):
            name, kind = self._text(), self._take("I")
            if kind == _ARRAY:
                lengths[name], found = self._array()
                if found is not None:
                    values[name] = found
            else:
                values[name] = self._text() if kind == _STRING else self._take(self._scalar(kind))
        return Header(values, self._tensors(tensors, int(values.get("general.alignment", 32))), lengths)

    def _tensors(self, count: int, alignment: int) -> tuple[Tensor, ...]:
        from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

        found, end = [], 0
        for _ in range(count):
            name, sides = self._text(), self._take("I")
            shape = tuple(self._take("Q") for _ in range(min(sides, 8)))
            number, offset = self._take("I"), self._take("Q")
            try:
                kind = GGMLQuantizationType(number)
            except ValueError:
                raise ModelError(
                    f"{self._file} is quantised in a way that is not known here (GGML type {number}). "
                    "Choose another file of this model, such as Q4_K_M or Q8_0, or update this program."
                ) from None
            block, size = GGML_QUANT_SIZES[kind]
            found.append(Tensor(name, shape[::-1], kind.name, math.prod(shape) // block * size))
            end = max(end, offset + found[-1].bytes)
        wanted = (self._at + alignment - 1) // alignment * alignment + end
        if len(self._data) < wanted:
            raise ModelError(_HALF.format(file=self._file, wanted=f"{wanted:,}", there=f"{len(self._data):,}"))
        return tuple(found)

    def _array(self) -> tuple[int, list[Any] | None]:
        kind, count = self._take("I"), self._take("Q")
        if kind == _STRING:
            unpack, data, at = struct.Struct("<Q").unpack_from, self._data, self._at
            for _ in range(count):
                at += 8 + unpack(data, at)[0]
            self._at = at
            return count, None
        code = self._scalar(kind)
        if count <= _LONG:
            return count, [self._take(code) for _ in range(count)]
        self._at += count * struct.calcsize(f"<{code}")
        return count, None

    def _scalar(self, kind: int) -> str:
        if kind not in _SCALARS:
            raise ModelError(f"{self._file} is damaged. Download it again.")
        return _SCALARS[kind]

    def _take(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self._data, self._at)[0]
        self._at += struct.calcsize(f"<{code}")
        return value

    def _text(self) -> str:
        length = self._take("Q")
        if length > len(self._data) - self._at:
            raise struct.error("past the end")
        text = self._data[self._at : self._at + length].decode("utf-8", "replace")
        self._at += length
        return text


def _opened(file: Path) -> Any:
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            raise ModelError(f"{file} is a device or a pipe, not a file. Choose another model.")
        return file.open("rb")
    except FileNotFoundError:
        raise MissingError(f"There is no file {file}. Check the path, or download the model again.") from None
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}. Check that you may read it.") from error


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
