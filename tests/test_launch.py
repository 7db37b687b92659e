"""launch.py through its own door: a copy of it as a process, with the real pip and small wheels for a network."""

import ast
import base64
import hashlib
import inspect
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="POSIX signals and file locks")
NEEDS_MOUNT = pytest.mark.skipif(
    os.name == "nt" or os.geteuid() != 0 or not shutil.which("mount"), reason="mounting needs root"
)

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "playground-lm"
version = "0.1.0"
dependencies = ["torch"]
optional-dependencies = {test = ["pytest"]}
"""
BACKEND = """
import os
from wheels import write_wheel
def build_editable(folder, config_settings=None, metadata_directory=None):
    lines = ["Requires-Dist: torch", "Provides-Extra: test", 'Requires-Dist: pytest; extra == "test"']
    return write_wheel(folder, "playground_lm", "0.1.0", {"here.pth": os.getcwd()}, *lines)
"""
APP = "import os, sys; print('APP', sys.argv[1:]); sys.exit(int(os.environ.get('APP_EXIT', '0')))"


def write_wheel(folder: str | os.PathLike[str], name: str, version: str, files: dict[str, str], *metadata: str) -> str:
    """The smallest wheel that pip takes; the build backend of the copies uses it too."""
    info = f"{name}-{version}.dist-info/"
    files = {
        **files,
        info + "METADATA": "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata])
        + "\n",
        info + "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(text.encode())}\n"
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, file), "w") as archive:
        for path, text in {**files, info + "RECORD": record + f"{info}RECORD,,\n"}.items():
            archive.writestr(path, text)
    return file


class Copy:
    """A copy of the launcher with a stub for the app; without wheels every installation fails."""

    def __init__(self, folder: Path, wheels: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "launch.py", folder)
        shutil.copytree(ROOT / "launcher", folder / "launcher", ignore=shutil.ignore_patterns("__pycache__"))
        self.write("pyproject.toml", PYPROJECT)
        self.write("constraints.txt", "torch==2.13.0\n")
        self.write("backend.py", BACKEND)
        self.write("wheels.py", "import base64, hashlib, os, zipfile\n" + inspect.getsource(write_wheel))
        (folder / "playground").mkdir()
        self.write("playground/__main__.py", APP)
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        self.environment = {
            **keep,
            "PIP_NO_INDEX": "1",
            "PIP_CONFIG_FILE": os.devnull,
            "PLAYGROUND_CHROMIUM": "is-there",
        }
        if wheels:
            self.environment["PIP_FIND_LINKS"] = str(wheels)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def run(self, *options: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*options, **environment) as process:
            out, err = process.communicate(timeout=60)
            return subprocess.CompletedProcess(options, process.returncode, out, err)

    def start(self, *options: str, **environment: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, str(self.folder / "launch.py"), *options],
            env={**self.environment, **environment},
            cwd=self.folder.parent,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def left(self) -> set[str]:
        return {path.name for path in self.folder.glob(".venv*")} - {".venv-install.log"}


def assert_fault(result: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    assert result.returncode == code, result
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture
def bare(tmp_path: Path) -> Copy:
    return Copy(tmp_path / "bare")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    wheels = tmp_path_factory.mktemp("wheels")
    for version in ("2.13.0", "2.13.0+cpu"):
        write_wheel(wheels, "torch", version, {"torch.py": ""})
    write_wheel(wheels, "setuptools", "84.0.0", {"setuptools.py": ""})
    write_wheel(wheels, "pytest", "9.0.0", {"pytest.py": "import os, sys; print('PYTEST', os.getcwd(), sys.argv[1:])"})
    copy = Copy(tmp_path_factory.mktemp("with space") / "游乐场 é", wheels)
    result = copy.run("--port", "7999", "--no-browser")
    assert (result.returncode, result.stderr) == (0, ""), result
    assert re.search(r"\[1/3\] Python.*\[2/3\] PyTorch: .*because .*\[3/3\] Libraries", result.stdout, re.DOTALL)
    assert result.stdout.endswith("APP ['serve', '--port', '7999', '--no-browser']\n")
    return copy


def test_parses_on_old_pythons() -> None:
    tree = ast.parse((ROOT / "launch.py").read_text(encoding="ascii"), feature_version=(3, 4))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.AsyncFunctionDef, ast.Match)
    for node in ast.walk(tree):
        assert not isinstance(node, newer), ast.unparse(node)
        assert not (isinstance(node, ast.Raise) and node.cause)
        if isinstance(node, (ast.List, ast.Tuple)):
            assert not any(isinstance(part, ast.Starred) for part in node.elts), ast.unparse(node)
        if isinstance(node, ast.FunctionDef):
            assert node.returns is None
            assert not any(argument.annotation for argument in node.args.args)


def test_old_python_gets_one_line(bare: Copy) -> None:
    code = "import runpy, sys; sys.version_info = (3, 8, 1); runpy.run_path(sys.argv[1], run_name='__main__')"
    result = subprocess.run(
        [sys.executable, "-c", code, str(bare.folder / "launch.py")], capture_output=True, text=True, check=False
    )
    assert_fault(result, 2, "3.11 or newer", "this is 3.8", "Install")
    assert bare.left() == set()


@pytest.mark.parametrize("options", [["--bogus"], ["--port", "many"], ["word"], ["--off"]])
def test_wrong_command_line(bare: Copy, options: list[str]) -> None:
    result = bare.run(*options)
    assert result.returncode == 2
    assert "usage: launch.py" in result.stderr
    assert bare.left() == set()


def test_offline_without_environment(bare: Copy) -> None:
    assert_fault(bare.run("--offline"), 4, "--offline", "Start once without it")
    assert bare.left() == set()


def test_nothing_to_install_from(bare: Copy) -> None:
    assert_fault(bare.run(), 4, "could not be installed", ".venv-install.log")
    assert bare.left() == set()


def test_python_without_ensurepip(bare: Copy, tmp_path: Path) -> None:
    (tmp_path / "ensurepip.py").write_text("raise ImportError")
    assert_fault(bare.run(PYTHONPATH=str(tmp_path)), 4, "venv", "apt install python3")
    assert bare.left() == set()


def test_missing_constraints(bare: Copy) -> None:
    (bare.folder / "constraints.txt").unlink()
    assert_fault(bare.run(), 1, "constraints.txt", "Unpack Playground again")


def test_environment_made_by_hand_is_not_deleted(bare: Copy) -> None:
    (bare.folder / ".venv").mkdir()
    (bare.folder / ".venv" / "mine").write_text("")
    assert_fault(bare.run(), 1, "made by hand", "Rename it")
    assert (bare.folder / ".venv" / "mine").exists()


@POSIX_ONLY
def test_interrupt_leaves_nothing(bare: Copy) -> None:
    with bare.start() as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("[1/3]")
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "Stopped. Start again to go on.\n")
    assert bare.left() == set()


@POSIX_ONLY
def test_second_launcher_waits(bare: Copy) -> None:
    import fcntl

    with (bare.folder / ".venv-install.log").open("a") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        process = bare.start()
        assert process.stdout is not None
        assert "Another launcher is installing here" in process.stdout.readline()
    with process:
        assert process.stdout.readline().startswith("[1/3]")
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=30)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", folder], check=False).returncode:
        pytest.skip("no permission to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


@NEEDS_MOUNT
def test_full_disk(small_disk: Path) -> None:
    copy = Copy(small_disk / "copy")
    assert_fault(copy.run(), 5, "disk is full", "Free some GB")
    assert copy.left() == set()


@NEEDS_MOUNT
def test_read_only_folder(small_disk: Path) -> None:
    copy = Copy(small_disk / "copy")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    assert_fault(copy.run(), 5, "cannot be written to", "move it to a folder of your own")


def test_second_start_installs_nothing(installed: Copy) -> None:
    log = (installed.folder / ".venv-install.log").stat().st_mtime_ns
    began = time.monotonic()
    result = installed.run("--data-dir", "a b", PYTHONPATH="/nowhere", PYTHONSAFEPATH="1")
    assert time.monotonic() - began < 2
    assert (result.stdout, result.stderr) == ("APP ['serve', '--data-dir', 'a b']\n", "")
    assert installed.run("--offline").stdout == "APP ['serve', '--offline']\n"
    assert (installed.folder / ".venv-install.log").stat().st_mtime_ns == log


def test_exit_code_of_the_app(installed: Copy) -> None:
    assert installed.run(APP_EXIT="7").returncode == 7


def test_failed_update_keeps_what_was_there(installed: Copy) -> None:
    pins = (installed.folder / "constraints.txt").read_text()
    installed.write("constraints.txt", "torch==9.9.9\n")
    assert_fault(installed.run("--offline"), 4)
    assert_fault(installed.run(), 4, "PyTorch could not be installed", "The earlier installation was kept.")
    installed.write("constraints.txt", pins)
    assert installed.run("--offline").returncode == 0


def test_failed_reinstall_keeps_what_was_there(installed: Copy) -> None:
    result = installed.run("--reinstall", PIP_FIND_LINKS="")
    assert_fault(result, 4, "The earlier installation was kept.")
    assert installed.left() == {".venv"}
    assert installed.run("--offline").returncode == 0


def test_tests_extra_is_added_and_satisfies_a_plain_start(installed: Copy) -> None:
    result = installed.run("test", "-k", "some thing")
    assert (result.returncode, result.stderr) == (0, "")
    assert "[1/4] Python environment: the one that is there" in result.stdout
    assert result.stdout.endswith(f"PYTEST {installed.folder} ['-k', 'some thing']\n")
    assert installed.run("--offline").stdout.startswith("APP")


def test_lock_names_all_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    groups = [project["project"]["dependencies"], *project["project"]["optional-dependencies"].values()]
    groups += project["dependency-groups"].values()
    asked = {re.split(r"[<>=; ]", line)[0].lower() for group in groups for line in group}
    assert asked <= set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert re.search(r"^torch==2\.13\.0$", lock, re.MULTILINE)
    assert "://" not in lock
