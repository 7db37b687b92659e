"""Downloads as jobs: whole folders from the Hub, paused, cancelled, killed, on full disks, from servers that fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from playground.engine import transfer
from playground.engine.download import pull
from playground.engine.downloads import DownloadJob, Downloads
from playground.engine.hub_files import PickleRefused
from playground.engine.library import MANIFEST, find, installed, remove
from playground.engine.transfer import Cancelled
from playground.errors import BadValueError, BusyError, MissingError, PlaygroundError
from playground.paths import DataFolder
from tests.conftest import ROOT, Disk, wait_for
from tests.hub_server import HubServer, Repo, noise, serving

NAME = "org/model"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "tokenizer.json": noise(20_000, 7),
    "model-00001-of-00002.safetensors": noise(1_200_000, 8),
    "model-00002-of-00002.safetensors": noise(900_000, 9),
    "modeling_evil.py": b"raise SystemExit",
    "pytorch_model.bin": noise(30_000, 10),
}
WANTED = {path: data for path, data in FILES.items() if not path.endswith((".py", ".bin"))}
TOTAL = sum(map(len, WANTED.values()))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.setattr(transfer, "PAUSES", (0.01,) * 5)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving(repos={NAME: Repo(dict(FILES))}) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "数据 data")


OpenDownloads = Callable[..., Downloads]


@pytest.fixture
def open_downloads(folder: DataFolder) -> Iterator[OpenDownloads]:
    opened: list[Downloads] = []

    def make(where: DataFolder = folder, offline: bool = False) -> Downloads:
        opened.append(Downloads(where, offline))
        return opened[-1]

    yield make
    for downloads in opened:
        downloads.close()


def job_of(downloads: Downloads, id: str) -> DownloadJob:
    return next(job for job in downloads.jobs() if job.id == id)


def wait_state(downloads: Downloads, id: str, *states: str) -> DownloadJob:
    wait_for(lambda: job_of(downloads, id).state in states, 60, f"{states}, not {job_of(downloads, id)}")
    return job_of(downloads, id)


def parts(folder: DataFolder) -> int:
    return sum(file.stat().st_size for file in (folder.models / ".parts").rglob("*.part"))


def assert_whole(folder: DataFolder) -> None:
    model = find(NAME, folder)
    assert model is not None
    assert (model.complete, model.kind, model.license) == (True, "safetensors", "mit")
    there = {file.name: file.read_bytes() for file in model.path.iterdir() if file.name != MANIFEST}
    assert there == WANTED
    assert list((folder.models / ".parts").glob("*/*")) == []


def test_a_whole_folder(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    seen: list[DownloadJob] = []
    downloads.listen(lambda: seen.extend(downloads.jobs()))
    id = downloads.start(NAME)
    job = wait_state(downloads, id, "done", "failed")
    assert (job.state, job.name, job.done, job.total, job.error) == ("done", NAME, TOTAL, TOTAL, "")
    assert_whole(folder)
    assert {"running", "verifying", "done"} <= {job.state for job in seen}
    assert all(job.done <= job.total for job in seen if job.total)
    assert any(job.bytes_per_second > 0 and job.seconds_left is not None for job in seen)
    commit = hub.repos[NAME].commit
    assert all(f"/resolve/{commit}/" in asked for asked in hub.asked if "/resolve/" in asked)
    manifest = json.loads((folder.models / id / MANIFEST).read_text(encoding="utf-8"))
    assert (manifest["name"], manifest["revision"]) == (NAME, commit)
    asked = len(hub.asked)
    assert wait_state(downloads, downloads.start(NAME), "done").total > 0
    assert len(hub.asked) == asked


def test_paused_and_resumed_while_the_server_is_silent(
    hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads
) -> None:
    downloads = open_downloads()
    hub.manner = "stall"
    id = downloads.start(NAME)
    wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
    downloads.pause(id)
    job = wait_state(downloads, id, "paused")
    assert 0 < job.done < TOTAL
    assert (job.bytes_per_second, job.seconds_left, job.error) == (0.0, None, "")
    assert not (folder.models / id).exists()
    hub.manner = "good"
    downloads.resume(id)
    wait_state(downloads, id, "done")
    assert_whole(folder)
    assert hub.sent <= TOTAL + 50_000


def test_pause_and_resume_in_quick_succession(
    hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads
) -> None:
    downloads = open_downloads()
    hub.manner = "slow"
    id = downloads.start(NAME)
    for _ in range(20):
        downloads.pause(id)
        downloads.resume(id)
    wait_state(downloads, id, "done")
    assert_whole(folder)


def test_cancelled(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    hub.manner = "stall"
    id = downloads.start(NAME)
    wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
    assert downloads.cancel(id) >= hub.break_at
    assert job_of(downloads, id).state == "cancelled"
    assert list((folder.models / ".parts").glob("*/*")) == []
    assert open_downloads().jobs() == ()
    hub.manner = "good"
    wait_state(downloads, downloads.start(NAME), "done")
    assert downloads.cancel(id) == 0
    assert_whole(folder)


def test_two_at_once_the_others_queue(hub: HubServer, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    for number in range(4):
        hub.repos[f"org/m{number}"] = Repo({"config.json": b"{}", "model.safetensors": noise(700_000, number)})
    hub.manner = "stall"
    ids = [downloads.start(f"org/m{number}") for number in range(4)]
    wait_for(lambda: sum(job.done > hub.break_at for job in downloads.jobs()) == 2, 60, "two under way")
    assert [job.state for job in downloads.jobs()] == ["running", "running", "queued", "queued"]
    downloads.pause(ids[2])
    assert job_of(downloads, ids[2]).state == "paused"
    hub.manner = "good"
    downloads.cancel(ids[0])
    wait_state(downloads, ids[3], "done")
    hub.let_go.set()
    wait_state(downloads, ids[1], "done")
    assert [job.state for job in downloads.jobs()] == ["cancelled", "done", "paused", "done"]


def start_process(folder: DataFolder) -> subprocess.Popen[bytes]:
    order = json.dumps({"name": NAME, "folder": str(folder.root)})
    command = [sys.executable, "-m", "tests.fetching", order]
    return subprocess.Popen(command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.DEVNULL)


def test_killed_shown_as_paused_and_resumed_at_its_commit(
    hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads
) -> None:
    hub.manner = "stall"
    with start_process(folder) as process:
        wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
        with pytest.raises(BusyError, match="is being downloaded already"):
            pull(NAME, folder, lambda *_: None)
        process.kill()
    held = parts(folder)
    downloads = open_downloads()
    (job,) = downloads.jobs()
    assert (job.name, job.state, job.total) == (NAME, "paused", TOTAL)
    assert held <= job.done < TOTAL
    hub.manner = "good"
    # The branch moves on meanwhile; what is half here must not be mixed with it.
    hub.older[hub.repos[NAME].commit] = hub.repos[NAME]
    hub.repos[NAME] = Repo({path: data + b"new" for path, data in FILES.items()})
    downloads.resume(job.id)
    wait_state(downloads, job.id, "done")
    assert_whole(folder)
    assert hub.sent <= TOTAL + 50_000


def test_closing_pauses(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    hub.manner = "stall"
    id = downloads.start(NAME)
    wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
    downloads.close()
    assert job_of(downloads, id).state == "paused"
    assert [job.state for job in open_downloads().jobs()] == ["paused"]
    assert "download" not in {thread.name for thread in threading.enumerate()}


def test_a_wrong_hash_fails_and_can_be_tried_again(
    hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads
) -> None:
    downloads = open_downloads()
    for path in ("config.json", "model-00002-of-00002.safetensors"):
        data = FILES[path]
        hub.repos[NAME].wrong = {path: data[:-1] + b"!"}
        id = downloads.start(NAME)
        job = wait_state(downloads, id, "failed", "done")
        assert "what the Hub sent is not the expected file (wrong SHA-256)" in job.error
        assert "try again" in job.error
        assert find(NAME, folder) is None
    (again,) = open_downloads().jobs()
    assert (again.state, again.error) == ("failed", job.error)
    hub.repos[NAME].wrong = {}
    downloads.resume(id)
    wait_state(downloads, id, "done")
    assert_whole(folder)


@pytest.mark.parametrize("wrong", [b"short", b"x" * 2_000_000], ids=["short", "long"])
def test_a_wrong_length(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads, wrong: bytes) -> None:
    hub.repos[NAME].wrong = {"model-00001-of-00002.safetensors": wrong}
    downloads = open_downloads()
    job = wait_state(downloads, downloads.start(NAME), "failed", "done")
    assert f"is not the expected file ({len(wrong)} bytes, not 1200000)" in job.error
    assert find(NAME, folder) is None


@pytest.mark.parametrize("manner", ["break", "no ranges", "no length", "slow", "packed"])
def test_servers_with_habits(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads, manner: str) -> None:
    hub.manner, hub.statuses, hub.api_statuses = manner, [500, 503], [502]
    downloads = open_downloads()
    details: set[str] = set()
    downloads.listen(lambda: details.update(job.detail for job in downloads.jobs()))
    wait_state(downloads, downloads.start(NAME), "done")
    assert_whole(folder)
    assert {f"Hub: the Hub answers with error {n}; trying again in 0 s (1 of 5)" for n in (502, 500)} <= details


def test_a_server_that_stays_broken(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    hub.manner = "500"
    job = wait_state(downloads, downloads.start(NAME), "failed", "done")
    assert "org/model could not be fetched: the Hub answers with error 500, also after 5 more tries" in job.error
    hub.manner = "good"
    downloads.resume(job.id)
    wait_state(downloads, job.id, "done")


def test_gated(
    hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.repos[NAME].gated, hub.token = True, "hf_secret"
    downloads = open_downloads()
    job = wait_state(downloads, downloads.start(NAME), "failed", "done")
    assert f"accept its conditions at {hub.url}/{NAME}" in job.error
    assert "HF_TOKEN" in job.error
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    downloads.resume(job.id)
    wait_state(downloads, job.id, "done")
    assert_whole(folder)
    told = [path for path, headers in zip(hub.asked, hub.headers, strict=True) if "Authorization" in headers]
    assert any("/resolve/" in path for path in told)
    assert not any("/cdn/" in path for path in told), "the token went to another server"


def test_not_there(hub: HubServer, open_downloads: OpenDownloads) -> None:
    downloads = open_downloads()
    job = wait_state(downloads, downloads.start("org/nothing"), "failed", "done")
    assert "does not exist" in job.error
    job = wait_state(downloads, downloads.start(f"{NAME}@v9"), "failed", "done")
    assert "no org/model with the revision v9" in job.error


def test_disk_full(hub: HubServer, disk: Disk, open_downloads: OpenDownloads) -> None:
    folder = DataFolder(disk.root)
    downloads = open_downloads(folder)
    hub.manner = "stall"
    id = downloads.start(NAME)
    wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
    hub.manner = "good"
    disk.fill()
    hub.let_go.set()
    job = wait_state(downloads, id, "failed", "done")
    assert "Free some space" in job.error
    assert find(NAME, folder) is None
    disk.clear()
    downloads.resume(id)
    wait_state(downloads, id, "done")
    assert_whole(folder)


def test_too_little_room_is_said_before(hub: HubServer, disk: Disk, open_downloads: OpenDownloads) -> None:
    hub.repos[NAME].files["model-00003-of-00003.safetensors"] = noise(8_000_000)
    downloads = open_downloads(DataFolder(disk.root))
    job = wait_state(downloads, downloads.start(NAME), "failed", "done")
    assert "needs 27 MB more" in job.error
    assert hub.sent == 0


def test_pickles_wait_for_consent(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    files = {"config.json": b"{}", "pytorch_model.bin": noise(30_000), "source.spm": b"s", "vocab.json": b"{}"}
    hub.repos["org/marian"] = Repo({**files, "tf_model.h5": b"x"})
    downloads = open_downloads()
    with pytest.raises(PickleRefused, match="pickle"):
        downloads.start("opus-mt-zh-en")
    job = wait_state(downloads, downloads.start("org/marian"), "failed", "done")
    assert job.needs_consent
    assert hub.sent == 0
    downloads.start("org/marian", allow_pickle=True)
    wait_state(downloads, job.id, "done")
    model = find("org/marian@main", folder)
    assert model is not None
    assert (model.kind, model.complete) == ("pickle", True)
    assert {file.name for file in model.path.iterdir()} == {*files, MANIFEST}


def test_gguf_of_several_parts(hub: HubServer, folder: DataFolder) -> None:
    parts = {f"Q8_0/x-Q8_0-0000{n}-of-00002.gguf": noise(50_000, n) for n in (1, 2)}
    hub.repos["org/g"] = Repo({**parts, "x-Q4_0.gguf": noise(20_000)})
    with pytest.raises(BadValueError, match=r"Choose one: Q4_0 .*Q8_0"):
        pull("org/g", folder, lambda *_: None)
    for name, path in (("org/g/x-Q4_0.gguf", "x-Q4_0.gguf"), (f"org/g/{min(parts)}", min(parts))):
        model = pull(name, folder, lambda *_: None)
        assert (model.kind, model.complete, model.name) == ("gguf", True, name)
        assert model.path.read_bytes() == hub.repos["org/g"].files[path]
    assert len(installed(folder)) == 2
    assert remove("org/g/x-Q4_0.gguf", folder) > 20_000
    assert [model.name for model in installed(folder)] == [f"org/g/{min(parts)}"]


@pytest.mark.parametrize("name", ["../../x", "no-such-preset", "a/b/c/d", "a/b@.."])
def test_names_that_cannot_be(open_downloads: OpenDownloads, hub: HubServer, name: str) -> None:
    downloads = open_downloads()
    with pytest.raises(PlaygroundError, match=r"Known are|organisation/name"):
        downloads.start(name)
    for act in (downloads.pause, downloads.resume, downloads.cancel):
        with pytest.raises(MissingError, match="no download"):
            act(name)
    assert downloads.jobs() == ()
    assert hub.asked == []


def test_offline_asks_nobody(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    def stop(*_: Any) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        pull(NAME, folder, stop)
    with pytest.raises(MissingError, match="--offline"):
        open_downloads(offline=True).start(NAME)
    assert hub.asked == []


def test_two_processes_do_not_mix(hub: HubServer, folder: DataFolder, open_downloads: OpenDownloads) -> None:
    hub.manner = "stall"
    with start_process(folder) as process:
        wait_for(lambda: parts(folder) >= hub.break_at, 60, "half a file")
        downloads = open_downloads()
        job = wait_state(downloads, downloads.start(NAME), "failed", "done")
        assert "is being downloaded already" in job.error
        with pytest.raises(BusyError):
            downloads.cancel(job.id)
        process.kill()
    hub.manner = "good"
    downloads.resume(job.id)
    wait_state(downloads, job.id, "done")
    assert_whole(folder)
