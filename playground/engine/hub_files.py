"""What models on the Hub are called, and which files of a repository make up a model. Asks nobody, touches no disk."""

from __future__ import annotations

import re
from dataclasses import dataclass

from playground.errors import BadValueError, ModelError

_PART = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?")
_REVISION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,118}[A-Za-z0-9])?")
_FILE = re.compile(r"[^\\:*?\"<>|\x00-\x1f@]{1,200}\.gguf", re.IGNORECASE)
_SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.gguf", re.IGNORECASE)
_QUANTIZATION = re.compile(r"(?:^|[-._/])((?:UD-)?(?:I?Q\d\w*|TQ\d\w*|BF16|F16|F32|MXFP4\w*))(?=[-.]|$)", re.IGNORECASE)
_DEVICE = re.compile(r"CON|PRN|AUX|NUL|(?:COM|LPT)\d", re.IGNORECASE)
"""What Windows takes for a device, whatever the ending."""
_LONGEST_PART = 200
_BESIDE = re.compile(r"[^/]+\.(json|txt|jinja|spm|model|tiktoken)|(LICENSE|NOTICE|USE_POLICY)[^/]*", re.IGNORECASE)
"""What a model needs beside its weights, in the repository's first folder; never program code."""
_WEIGHTS = re.compile(r"(model|adapter_model)(-\d{5}-of-\d{5})?\.safetensors")
_PICKLES = re.compile(r"pytorch_model(-\d{5}-of-\d{5})?\.bin")


class PickleRefused(BadValueError):
    """The model comes as a pickle, and nobody has agreed to that yet."""

    def __init__(self, title: str) -> None:
        super().__init__(
            f"{title} has its weights only as a pickle, a format that can carry programs. Playground reads it without "
            "running anything and converts it once; allow it (--allow-pickle), or choose a model with safetensors."
        )


@dataclass(frozen=True)
class HubName:
    """A model on the Hub: a repository, a branch, tag or commit of it, and one GGUF file or "" for the whole."""

    repository: str
    revision: str = "main"
    file: str = ""

    def __str__(self) -> str:
        name = f"{self.repository}/{self.file}" if self.file else self.repository
        return name if self.revision == "main" else f"{name}@{self.revision}"

    @property
    def folder(self) -> str:
        """The name of the folder it lies in on the disk."""
        return str(self).replace("/", "--")


@dataclass(frozen=True)
class HubFile:
    """A file of a repository. Large ones have a SHA-256, small ones git's SHA-1 of the blob."""

    path: str
    size: int
    sha256: str = ""
    git_sha1: str = ""


@dataclass(frozen=True)
class Repository:
    """What a repository holds at one commit."""

    name: HubName
    commit: str
    license: str
    files: tuple[HubFile, ...]


@dataclass(frozen=True)
class Quantization:
    """One GGUF model of a repository that offers several; `file` is what a HubName takes (of shards, the first)."""

    file: str
    label: str
    size: int


def is_hub_name(name: str) -> bool:
    """True when `name` reads as one: `org/name`, `org/name@revision`, `org/name/file.gguf@revision`."""
    try:
        parse_name(name)
    except BadValueError:
        return False
    return True


def parse_name(name: str) -> HubName:
    """Read a name; raises BadValueError for what cannot be one."""
    path, at, revision = name.partition("@")
    organisation, _, rest = path.partition("/")
    repository, _, file = rest.partition("/")
    good = all(_PART.fullmatch(part) and not {"--", ".."} & {part[n : n + 2] for n in range(len(part))}
               for part in (organisation, repository))  # fmt: skip
    good = good and (not at or (_REVISION.fullmatch(revision) is not None and ".." not in revision))
    if file or rest.endswith("/"):
        good = good and _FILE.fullmatch(file) is not None and not {"", ".", ".."} & set(file.split("/"))
    if not good:
        raise BadValueError(
            f"{name!r} is not the name of a model on the Hub. Write organisation/name, with @revision or "
            "/file.gguf behind it if need be, such as Qwen/Qwen3-0.6B@main."
        )
    return HubName(f"{organisation}/{repository}", revision or "main", file)


def is_plain(path: str) -> bool:
    """Whether a path from a server stays inside the folder it is written to, on every system."""
    parts = path.split("/")
    return path.isprintable() and not any(
        part in ("", ".", "..") or len(part) > _LONGEST_PART or part[-1] in ". " or set(part) & set('\\:*?"<>|')
        or _DEVICE.fullmatch(part.partition(".")[0]) for part in parts
    )  # fmt: skip


def quantizations(files: tuple[HubFile, ...]) -> tuple[Quantization, ...]:
    """The GGUF models among `files`, smallest first; parts of one model are counted together."""
    models: dict[str, Quantization] = {}
    for file in sorted(files, key=lambda file: file.path):
        if not file.path.lower().endswith(".gguf") or "mmproj" in file.path.lower():
            continue
        shard = _SHARD.fullmatch(file.path)
        stem = shard["stem"] if shard else file.path
        label = _QUANTIZATION.findall(stem.removesuffix(".gguf"))
        known = models.setdefault(stem, Quantization(file.path, label[-1].upper() if label else stem, 0))
        models[stem] = Quantization(known.file, known.label, known.size + file.size)
    return tuple(sorted(models.values(), key=lambda model: model.size))


def choose(found: Repository, *, allow_pickle: bool) -> tuple[HubFile, ...]:
    """The files to download: the named GGUF file, or config, tokenizer and weights, safetensors before pickles.

    Raises BadValueError when a GGUF file must be chosen first, PickleRefused, ModelError when there is no model in it.
    """
    name, by_path = found.name, {file.path: file for file in found.files}
    if name.file:
        if name.file not in by_path:
            raise BadValueError(f"{name.repository} has no file {name.file}. {_offer(found)}")
        shard = _SHARD.fullmatch(name.file)
        if not shard:
            return (by_path[name.file],)
        same = (_SHARD.fullmatch(path) for path in sorted(by_path))
        parts = tuple(by_path[m[0]] for m in same if m and (m["stem"], m["count"]) == (shard["stem"], shard["count"]))
        if len(parts) != int(shard["count"]):
            raise ModelError(f"{name} is in {int(shard['count'])} parts, of which the Hub has only {len(parts)}.")
        return parts
    beside = [file for file in found.files if _BESIDE.fullmatch(file.path)]
    here = [file for file in found.files if "/" not in file.path]
    safe = [file for file in here if file.path.endswith(".safetensors")]
    # Some repositories hold the same weights twice, under their makers' own names.
    safe = [file for file in safe if _WEIGHTS.fullmatch(file.path)] or safe
    pickles = [file for file in here if _PICKLES.fullmatch(file.path)]
    config = {"config.json", "adapter_config.json"} & by_path.keys()
    if config and safe:
        return (*(file for file in beside if not file.path.startswith("pytorch_model")), *safe)
    if quantizations(found.files):
        raise BadValueError(f"{name.repository} holds GGUF files. {_offer(found)}")
    if config and pickles:
        if not allow_pickle:
            raise PickleRefused(str(name))
        return (*beside, *pickles)
    raise ModelError(f"{name} holds no model that can be used here (no safetensors, GGUF or pytorch_model.bin).")


def _offer(found: Repository) -> str:
    offers = [
        f"{q.label} ({q.size / 1e9:.1f} GB): {found.name.repository}/{q.file}" for q in quantizations(found.files)
    ]
    return f"Choose one: {'; '.join(offers[:30])}." if offers else "It holds no GGUF file at all."
