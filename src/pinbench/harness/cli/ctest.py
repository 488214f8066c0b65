"""``pinbench ctest``: what ctest.sh hands its words to; for one run of the chosen cases it becomes ctest."""

import os
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from pinbench.base.errors import ExitCode, PinbenchError, UsageError
from pinbench.harness.backend.docker import BACKEND
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli import _ctest_background as background
from pinbench.harness.cli import _ctest_native as native
from pinbench.harness.cli._build_folder import read_settings
from pinbench.harness.cli._ctest_call import Call, Place, ctest_command, handover, make_call, user_environment
from pinbench.harness.cli._ctest_containers import run_container_action
from pinbench.harness.cli._ctest_describe import description
from pinbench.harness.cli._ctest_drive import open_journal
from pinbench.harness.cli._ctest_finish import carry_out
from pinbench.harness.cli._ctest_selection import require_selection, without_site
from pinbench.harness.cli._ctest_testset import read_testset
from pinbench.harness.cli._ctest_usage import USAGE
from pinbench.harness.cli._ctest_words import Words, choose, parse_words
from pinbench.harness.host.facts import read_facts
from pinbench.harness.record.recent import build_root, forget
from pinbench.harness.record.run_notes import await_note, end_note, note_run

HELP = "the program behind ctest.sh"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments; ctest.sh gives them, the user's words come last."""
    parser.add_argument("--door", required=True, help="how the user called ctest.sh")
    parser.add_argument("--build", required=True, type=Path, metavar="DIR", help="the build folder to run in")
    parser.add_argument("--ctest", required=True, metavar="PATH", help="the ctest program; empty for --help")
    parser.add_argument("--background", action="store_true", help="this is the process that --daemon has started")
    parser.add_argument("words", nargs="*", help="after '--': the user's words")


def run(arguments: Namespace) -> int:
    """Do what the user wants; where that is to run the chosen cases once, this process becomes ctest."""
    words = parse_words(arguments.words)
    if words.help or not arguments.words:
        print(USAGE, end="")
        return ExitCode.PASSED if words.help else ExitCode.BAD_USAGE
    root = build_root(arguments.build)
    if words.status is not None or words.stop is not None:
        return _look_after(arguments, words, root)
    if words.reset_recent:
        print(f"ctest.sh: {forget(root)} log directories are no longer recent")
        if len(arguments.words) == 1:
            return ExitCode.PASSED
    return _serve(arguments, words, root)


def _look_after(arguments: Namespace, words: Words, root: Path) -> int:
    """Show or end the calls of this build folder, and the containers that runs of it are in."""
    settings = [each for each in read_settings(arguments.build) if each.backend == BACKEND]
    if words.stop is not None:
        if not settings or background.matching(root, words.stop):
            background.stop(root, words.stop, lambda line: print(f"ctest.sh: {line}", flush=True))
        action = ("--stop", words.stop)
    else:
        action = ("--status", str(words.status or ""))
    if settings:
        words.container_action = action
        run_container_action(words, settings, load_platforms().choose(settings[0].platform, read_facts()))
    if words.status is not None and (not settings or background.known(root)):
        print("\n".join(background.status_lines(root, words.status)))
    return ExitCode.PASSED


def _serve(arguments: Namespace, words: Words, root: Path) -> int:
    place = _place(arguments, words)
    _forget_site(words, place)
    if words.describe:
        print(description(place, words), end="")
        return ExitCode.PASSED
    if words.container_action is not None:
        if words.pattern is not None:
            require_selection(words.pattern, place.workloads, place.platform)
        return run_container_action(words, read_settings(arguments.build), place.platform)
    if not native.LISTING.isdisjoint(native.names(words.native)):
        _list(place, words)
    calls = _calls(arguments, place, words)
    if words.detached and not arguments.background:
        return _detach(arguments, words, root)
    return _run_noted(arguments, calls, root)


def _forget_site(words: Words, place: Place) -> None:
    if words.pattern is not None:
        choose(words, without_site(words.pattern, place.workloads))


def _place(arguments: Namespace, words: Words) -> Place:
    settings = read_settings(arguments.build)
    if not settings:
        raise UsageError(f"{arguments.build} has no workload; BENCHMARK chose none when it was configured")
    return Place(
        door=arguments.door,
        build=arguments.build,
        ctest=arguments.ctest,
        workloads=tuple(load_workload(Path(each.source)) for each in settings),
        platform=load_platforms().choose(settings[0].platform, read_facts()),
        environment=user_environment(os.environ, noenv=words.noenv),
    )


def _list(place: Place, words: Words) -> NoReturn:
    if words.pattern is not None:
        require_selection(words.pattern, place.workloads, place.platform)
    _become(ctest_command(place, words.native), dict(place.environment))


def _calls(arguments: Namespace, place: Place, words: Words) -> list[tuple[Call, float]]:
    """Return the checked calls, each with the seconds to wait after it: several only of a plan."""
    typed = (arguments.door, *arguments.words)
    if words.testset is None:
        return [(make_call(place, words, typed), 0.0)]
    chosen = words.pattern is not None or native.choosers(words.native)
    if chosen or words.settings or words.sweep or words.config:
        raise UsageError("--testset says itself which cases run with what: leave other choices and values out")
    calls = []
    for one, pause_s in read_testset(words.testset):
        one.native += words.native
        one.keep_going |= words.keep_going
        one.resume |= words.resume
        one.dry_run |= words.dry_run
        _forget_site(one, place)
        calls.append((make_call(place, one, typed), pause_s))
    return calls


def _detach(arguments: Namespace, words: Words, root: Path) -> int:
    log = words.log
    assert log is not None
    begin = log.stat().st_size if log.exists() else 0
    argv = [
        sys.executable, "-m", "pinbench", "ctest", "--background", "--door", arguments.door, "--build",
        str(arguments.build), f"--ctest={arguments.ctest}", "--", *arguments.words,
    ]  # fmt: skip
    typed = [arguments.door, *arguments.words]
    note = background.start_in_background(argv, environment=os.environ, typed=typed, root=root, log=log)
    print(f"ctest.sh: {note.id} runs in the background (pid {note.pid}), its output is in {log}", flush=True)
    if words.detached == "nohup":
        return background.follow(note, root, log, begin)
    print(f"ctest.sh: --status shows it, --stop {note.id} ends it")
    return ExitCode.PASSED


def _run_noted(arguments: Namespace, calls: Sequence[tuple[Call, float]], root: Path) -> int:
    if calls[0][0].words.dry_run:
        return _run_all(calls)
    me = os.getpid()
    if arguments.background:
        await_note(root, me)
    else:
        note_run(root, me, calls[0][0].typed, None)
    only = calls[0][0]
    if not arguments.background and len(calls) == 1 and only.is_single:
        _become_single(only)
    code: int = ExitCode.FAILED
    try:
        code = _run_all(calls)
    except PinbenchError as error:
        code = error.exit_code
        raise
    finally:
        end_note(root, me, code)
    return code


def _run_all(calls: Sequence[tuple[Call, float]]) -> int:
    """Carry out all calls; the first that fails is the last, unless it says --continue."""
    worst = 0
    for number, (call, pause_s) in enumerate(calls, 1):
        if len(calls) > 1:
            print(f"ctest.sh: document {number} of {len(calls)}", flush=True)
        worst = max(worst, carry_out(call))
        if worst and not (call.words.keep_going and worst <= 128):
            if number < len(calls):
                print(f"ctest.sh: {len(calls) - number} documents are left out")
            break
        if number < len(calls):
            time.sleep(pause_s)
    return worst


def _become_single(call: Call) -> NoReturn:
    (turn,) = call.rounds[0]
    environment = {**call.place.environment, **handover(call, turn, open_journal(call))}
    _become(ctest_command(call.place, call.words.native), environment)


def _become(command: list[str], environment: dict[str, str]) -> NoReturn:
    sys.stdout.flush()
    try:
        os.execve(command[0], command, environment)
    except OSError as error:
        raise PinbenchError(f"cannot start {command[0]}: {error.strerror}") from error
