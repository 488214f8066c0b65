"""``pinbench entry``: what a container of a workload does: run one case, and keep its logs ready for who reads them."""

import os
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pinbench.base.errors import ExitCode, PinbenchError, UsageError
from pinbench.base.jsonio import write_text
from pinbench.contract.case import Variant
from pinbench.harness.case.describe import describe_text
from pinbench.harness.case.source import WORKLOAD_ROOT, workload_folders
from pinbench.harness.case.variables import require_known
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.launch.export_pipe import ExportPipe, write_archive
from pinbench.harness.launch.interrupts import Interrupts
from pinbench.harness.launch.supervised import supervise
from pinbench.harness.plan.threads import SCRUBBED_PREFIXES
from pinbench.harness.record.store import LOGS_PREFIX

HELP = "what the container of a workload does: one case, and its logs through a pipe"

WORKLOAD = "PINBENCH_WORKLOAD"
STATE = "PINBENCH_STATE"
LINGER = "PINBENCH_LINGER"
PRESET = "PINBENCH_PRESET"

_STATE_DEFAULT = "/tmp/pinbench"
_EXPORT = "/export-logs"  # where an image links to the pipe
_STDIN = 0
_CASE_TYPE = "CASE_TYPE"
_OURS = ("--workload", "--logs-root", "--end-with-parent")
_FIRST_READER_S = 5.0  # of a run that a signal ended: engines kill a container 10 s after they have asked it to stop
_SETTLE_S = 0.2  # until a reader that has waited all the time has been noticed
_ALL_READERS_S = 60.0
_USAGE = """\
usage: docker run [options of docker] IMAGE [options]     one case; parameters by -e NAME=VALUE
  without any parameter, the gated case: docker run -it --rm IMAGE
  its logs, also while it runs:          docker exec ID cat /export-logs | tar xf - -C DIR

options: those of `pinbench run`: --case NAME, --set NAME=VALUE, --run N, --dry-run; --help is this text
variables besides the parameters:
  PINBENCH_LINGER=SECONDS  how long it stays for readers of the logs after the end; on a terminal 0, else for ever
  PINBENCH_PASS=NAME,...   variables that are no parameters and are to be let through
  PINBENCH_PRESET="NAME=VALUE ..."  of the image itself: what holds for parameters that nobody sets
  PINBENCH_STATE=DIR       a writable folder; /tmp/pinbench
exit code: 0 passed, 1 failed, 2 a parameter is wrong, 77 this host cannot run it; 128 + n: signal n ended it
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Places:
    """The files of a container; all of them lie in one folder, which may be all that can be written to."""

    state: Path

    @property
    def pipe(self) -> Path:
        return self.state / "export-logs"

    @property
    def phase(self) -> Path:
        """What script/image/healthy reads."""
        return self.state / "phase"

    @property
    def log(self) -> Path:
        return self.state / "benchmark.log"

    @property
    def status(self) -> Path:
        return self.state / "status"

    @property
    def logs_root(self) -> Path:
        return self.state / "logs"

    def log_directory(self) -> Path:
        """Return the newest log directory, or one that is not there where no case came so far."""
        found = sorted(self.logs_root.glob(f"{LOGS_PREFIX}*"), key=lambda path: path.stat().st_mtime_ns)
        return found[-1] if found else self.logs_root / LOGS_PREFIX


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("words", nargs="*", help="after '--': what follows the image on the command line of docker")


def run(arguments: Namespace) -> int:
    """Run the case that environment and words choose, give its logs to who reads them, and return its exit code."""
    words: Sequence[str] = arguments.words
    if "--help" in words or "-h" in words:
        print(_USAGE)
        print(describe_text(_workload(os.environ)), end="")
        return ExitCode.PASSED
    places = _Places(state=Path(os.environ.get(STATE) or _STATE_DEFAULT))
    with Interrupts() as interrupts:
        places.log.unlink(missing_ok=True)  # of the container's last start
        places.log.touch()
        pipe = ExportPipe(places.pipe, lambda descriptor: _export(places, descriptor))
        code = _measure(words, places, pipe, interrupts)
        write_text(places.status, f"{code}\n")
        write_text(places.phase, f"finished {code}\n")
        pipe.release()
        _linger(pipe, interrupts, _linger_s(os.environ, is_terminal=os.isatty(_STDIN)))
    return code


def _measure(words: Sequence[str], places: _Places, pipe: ExportPipe, interrupts: Interrupts) -> int:
    def begin(pid: int) -> None:
        write_text(places.phase, f"running {pid}\n")
        pipe.start()  # only now: threads and the start of a process do not go well together

    try:
        workload = _workload(os.environ)
        _refuse(workload, words, os.environ)
        return supervise(
            _command(workload, places, words),
            env={**_preset(workload, words, os.environ), **_environment(os.environ, places)},
            log=places.log,
            echo=_echo,
            interrupts=interrupts,
            on_start=begin,
        )
    except PinbenchError as error:
        line = f"pinbench: {error}\n"
        write_text(places.log, line)
        print(line, end="", file=sys.stderr, flush=True)
        pipe.start()
        return error.exit_code


def _refuse(workload: Workload, words: Sequence[str], environment: Mapping[str, str]) -> None:
    require_known(workload, environment, SCRUBBED_PREFIXES)
    if (linger := environment.get(LINGER)) and not linger.isdecimal():
        raise UsageError(f"{LINGER} is a whole number of seconds, got {linger!r}")
    if words and not words[0].startswith("-"):
        raise UsageError(f"unexpected word {words[0]!r}; --help lists the options, and a shell is --entrypoint=bash")
    for word in words:
        if word.partition("=")[0] in _OURS:
            raise UsageError(f"{word} is the container's own affair; leave it out")


def _workload(environment: Mapping[str, str]) -> Workload:
    name = environment.get(WORKLOAD, "")
    names = [folder.name for folder in workload_folders()]
    if name not in names:
        raise UsageError(f"{WORKLOAD}={name} names no workload of this image; there are: {', '.join(names)}")
    return load_workload(WORKLOAD_ROOT / name)


def _preset(workload: Workload, words: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return what holds for parameters that are not set: an image is for some cases, and tells it in its environment.

    As variables of the image themselves they could not be told from those of the user, who, setting none, means the
    gated case. Who names a case or another value has said what he wants.
    """
    if any(word.partition("=")[0] in ("--case", "--set") for word in words):
        return {}
    preset = dict(word.partition("=")[::2] for word in shlex.split(environment.get(PRESET, "")))
    if unknown := sorted(preset.keys() - workload.spellings.keys()):
        raise UsageError(f"{PRESET} of this image has {unknown[0]!r}, which is no parameter of {workload.name}")
    set_names = {workload.spellings[name] for name in workload.spellings if environment.get(name)}
    if not set_names and Variant.GATED in workload.matrix[_CASE_TYPE]:
        preset[_CASE_TYPE] = Variant.GATED.value
    return {name: value for name, value in preset.items() if workload.spellings[name] not in set_names}


def _linger_s(environment: Mapping[str, str], *, is_terminal: bool) -> float | None:
    """Return how long to stay after the end, None: until a signal comes."""
    text = environment.get(LINGER, "")
    if text.isdecimal():
        return float(text)
    return 0.0 if is_terminal else None  # also of a value that was refused: who reads the log must find it


def _command(workload: Workload, places: _Places, words: Sequence[str]) -> list[str]:
    run_py = workload.folder / "run.py"
    return [sys.executable, str(run_py), "--logs-root", str(places.logs_root), "--end-with-parent", *words]


def _environment(environment: Mapping[str, str], places: _Places) -> dict[str, str]:
    """Return the environment of the run: with places to write to, whatever user the container runs as.

    A user without an entry in passwd(5) has no home and no name, which several libraries ask for.
    """
    homes = {"HOME": str(places.state), "XDG_CACHE_HOME": str(places.state / "cache"), "LOGNAME": "pinbench"}
    given = {
        name: value for name, value in environment.items() if value and (name != "HOME" or os.access(value, os.W_OK))
    }
    return {**homes, **given}


def _export(places: _Places, descriptor: int) -> None:
    write_archive(descriptor, places.log_directory(), places.log, places.status)


def _linger(pipe: ExportPipe, interrupts: Interrupts, linger_s: float | None) -> None:
    """Return when the container may end: whoever waits for the logs has them by then."""
    if interrupts.caught:
        pipe.await_readers(first_s=_FIRST_READER_S, all_s=_ALL_READERS_S)
        return
    if linger_s is None:
        print(f"the logs are ready: cat {_EXPORT}; this container stays until it is stopped", flush=True)
    interrupts.await_one(linger_s)
    pipe.await_readers(first_s=_SETTLE_S, all_s=_ALL_READERS_S)


def _echo(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
