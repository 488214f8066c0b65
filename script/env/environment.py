"""Makes `.venv`: once, under a lock, each level stamped last so that a part is never taken for the whole."""

import contextlib
import fcntl
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import needs
import torch_build
from pip_run import has_begun_changes, pip_environment, run_pip
from setup_error import SetupError
from venv_state import VenvState, digest

_SECONDS_TO_THINK = 10.0
_WAY_OUT = (
    "install the package that has them (Debian, Ubuntu: python3-venv), or name an interpreter that has all that is "
    "needed: PINBENCH_PYTHON=/path/to/python3"
)


def make_ready(venv: VenvState, level: str) -> None:
    """Make `venv` have `level`, whatever state an earlier attempt left it in.

    Raises:
        SetupError: the folder is not ours, Python cannot make environments here, or pip failed.
    """
    _refuse_foreign(venv)
    venv.own.mkdir(parents=True, exist_ok=True)
    with _lock(venv):
        if venv.is_ready(level):
            return
        begin_s = time.monotonic()
        venv.write_constraints()
        if not venv.is_whole() or (venv.own / "changing").exists():
            _make(venv)
        _install(venv, level)
        _say(f"{venv.folder.name} is ready ({level}) after {time.monotonic() - begin_s:.0f} s")


def _refuse_foreign(venv: VenvState) -> None:
    if venv.folder.is_symlink():  # another checkout's environment would be emptied, and venv cannot fill a link
        raise SetupError(f"{venv.folder} is a symbolic link, and what it leads to is left alone: remove the link")
    if venv.folder.exists() and any(venv.folder.iterdir()) and not venv.own.is_dir():
        raise SetupError(
            f"{venv.folder} was not made by pinbench and is left alone: move it away, or use it as it is with "
            f"PINBENCH_PYTHON={venv.python}"
        )


@contextlib.contextmanager
def _lock(venv: VenvState) -> Iterator[None]:
    with (venv.own / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say(f"another process is making {venv.folder.name}; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(venv: VenvState) -> None:
    _say(f"making {venv.folder.name} (once) with Python {sys.version.split()[0]}")
    _wipe(venv)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(venv.folder)],
        capture_output=True, text=True, env=pip_environment(), check=False,
    )  # fmt: skip
    if made.returncode != 0:
        reason = (made.stderr or made.stdout).strip().rpartition("\n")[2]
        raise SetupError(f"{sys.executable} cannot make {venv.folder}: {reason}; {_WAY_OUT}")
    _bring_pip(venv)
    (site_packages,) = venv.folder.glob("lib/python3*/site-packages")
    (site_packages / "pinbench-src.pth").write_text(f"{venv.root / 'src'}\n", encoding="utf-8")
    (venv.own / "made").write_text(f"{venv.tag()} {venv.folder}", encoding="utf-8")


def _wipe(venv: VenvState) -> None:
    for path in venv.own.iterdir():
        if path not in (venv.own / "lock", venv.constraints):  # another process may be waiting on that very lock
            path.unlink()
    for path in venv.folder.iterdir():
        if path == venv.own:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _bring_pip(venv: VenvState) -> None:
    """Install pip: from the interpreter's own bundle, or (Debian without python3-venv) by another pip."""
    bundled = subprocess.run(
        [str(venv.python), "-m", "ensurepip"], capture_output=True, env=pip_environment(), check=False
    )
    if bundled.returncode == 0:
        _pip_install(venv, ["--upgrade", "pip"])
        return
    other = existing_pip()
    if other is None:
        raise SetupError(f"{sys.executable} has neither ensurepip nor pip; {_WAY_OUT}")
    command = [*other, "--python", str(venv.python)]
    run_pip(command, ["install", "--constraint", str(venv.constraints), "pip"], venv.log)


def existing_pip() -> list[str] | None:
    """Return the command of a pip that can install into another interpreter (``--python``, pip >= 22.3)."""
    commands = [[sys.executable, "-m", "pip"], *([path] for name in ("pip3", "pip") if (path := shutil.which(name)))]
    for command in commands:
        probe = subprocess.run(
            [*command, "--python", sys.executable, "--version"], capture_output=True, env=pip_environment(), check=False
        )
        if probe.returncode == 0:
            return command
    return None


def _install(venv: VenvState, level: str) -> None:
    packages = needs.packages(level, venv.root)
    _say(f"installing {', '.join(packages)}; log: {venv.log}")
    since = venv.log.stat().st_size if venv.log.exists() else 0
    changing = venv.own / "changing"
    changing.touch()
    try:
        if "torch" in packages:
            _install_torch(venv)
        _pip_install(venv, packages)
    except (SetupError, KeyboardInterrupt):
        # Cut off while packages were changed: half a package may stand there, so the next start makes all anew.
        if not has_begun_changes(venv.log, since):
            changing.unlink()
        raise
    changing.unlink()
    for name in venv.implied(level):
        (venv.own / name).write_text(needs.fingerprint(name, venv.root), encoding="utf-8")


def _install_torch(venv: VenvState) -> None:
    options = torch_build.index_options(venv.torch_index) if venv.torch_index else []
    if not torch_build.gpu_present():
        _warn_of_cuda(venv, options)
    if venv.torch_index and not venv.has_torch_of_index():
        # Forced: the same version from the ordinary index may be there already.
        _pip_install(venv, [*options, "--force-reinstall", "torch"])
        (venv.own / "torch-index").write_text(digest(venv.torch_index), encoding="utf-8")


def _warn_of_cuda(venv: VenvState, options: Sequence[str]) -> None:
    report = venv.own / "torch-report.json"
    # fast-deps reads a package's needs through range requests where an index has no separate metadata file.
    _pip_install(venv, ["--dry-run", "--use-feature=fast-deps", "--report", str(report), *options, "torch"])
    urls = torch_build.read_report(report)
    report.unlink()
    if urls:
        print(torch_build.warning(urls, torch_build.download_sizes(urls.values())), file=sys.stderr)
        if sys.stderr.isatty():
            time.sleep(_SECONDS_TO_THINK)


def _pip_install(venv: VenvState, words: Sequence[str]) -> None:
    command = [str(venv.python), "-m", "pip"]
    run_pip(command, ["install", "--constraint", str(venv.constraints), *words], venv.log)


def _say(text: str) -> None:
    print(f"pinbench: {text}", file=sys.stderr, flush=True)
