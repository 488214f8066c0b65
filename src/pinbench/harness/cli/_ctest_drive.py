"""Runs the turns of a call, one ctest each, and says in the end what became of all of them."""

import json
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.harness.cli import _ctest_native as native
from pinbench.harness.cli._ctest_call import Call, ctest_command, handover
from pinbench.harness.cli._ctest_turns import Round, Turn
from pinbench.harness.launch.jobs import JobOrder, run_jobs
from pinbench.harness.launch.process import run_tool
from pinbench.harness.record.journal import (
    Line,
    append,
    good_cases,
    is_done,
    latest_journal,
    read_journal,
    reopen_journal,
    start_journal,
)
from pinbench.harness.record.recent import build_root

# 128 + n, what a shell makes of them: the user's end of all, not the failure of a case.
_INTERRUPTED = tuple(128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM))
_LIST_LIMIT_S = 60.0
_FAILED_LIST = Path("Testing/Temporary/LastTestsFailed.log")  # where ctest --rerun-failed looks


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """A turn that is over."""

    turn: Turn
    code: int
    elapsed_s: float | None  # None: it was done before, by an earlier call


class Driver:
    """Runs rounds and keeps their journal. `ran` grows with each turn."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.ran: list[Ran] = []
        self.journal = None if call.words.dry_run else open_journal(call)
        self._before: tuple[Line, ...] = () if self.journal is None else read_journal(self.journal)

    @property
    def lines(self) -> tuple[Line, ...]:
        """What the journal says now."""
        return () if self.journal is None else read_journal(self.journal)

    @property
    def fresh_lines(self) -> tuple[Line, ...]:
        """What this call has added to the journal."""
        return self.lines[len(self._before) :]

    @property
    def worst(self) -> int:
        """The worst exit code so far."""
        return max((done.code for done in self.ran), default=int(ExitCode.PASSED))

    @property
    def is_interrupted(self) -> bool:
        """Whether a signal asked for the end."""
        return any(done.code in _INTERRUPTED for done in self.ran)

    def run(self, rounds: Iterable[Round], *, keep_going: bool) -> None:
        """Run `rounds`; the first that fails is the last, unless `keep_going`. A signal ends all in any case."""
        for turns in rounds:
            done = self._run_round(turns)
            self.ran += done
            failed = any(each.code for each in done)
            if self.is_interrupted or (failed and not keep_going):
                return

    def _run_round(self, turns: Round) -> list[Ran]:
        finished = [turn for turn in turns if is_done(self._before, turn.label)]
        todo = [turn for turn in turns if turn not in finished]
        for turn in finished:
            print(f"ctest.sh: {turn.title}: done before", flush=True)
        for turn in todo:
            if turn.title:
                print(f"ctest.sh: {turn.title}", flush=True)
        begin = time.monotonic()
        orders = [self._order(turn) for turn in todo]
        codes = run_jobs(orders, lambda line: print(line, flush=True)) if orders else []
        elapsed_s = time.monotonic() - begin
        for turn, code in zip(todo, codes, strict=True):
            if self.journal is not None and code not in _INTERRUPTED:
                append(self.journal, Line(turn=turn.label, case=None, code=code))
        return [Ran(turn=turn, code=0, elapsed_s=None) for turn in finished] + [
            Ran(turn=turn, code=code, elapsed_s=elapsed_s) for turn, code in zip(todo, codes, strict=True)
        ]

    def _order(self, turn: Turn) -> JobOrder:
        call = self.call
        good = good_cases(self._before, turn.label)
        wanted = turn.cases or call.cases
        words = call.words.native
        if turn.cases is not None or good:
            words = native.only(words, [case for case in wanted if case not in good])
        if turn.label:
            words = native.with_own_files(words, turn.label)
        folder = None if turn.share is None else own_folder(call.place.build, turn.share[0])
        environment = {**call.place.environment, **handover(call, turn, self.journal)}
        return JobOrder(argv=ctest_command(call.place, words, folder), env=environment, name=turn.label)


def open_journal(call: Call) -> Path:
    """Return the journal of `call`: with --resume that of the last call for the same work, else a new one.

    Raises:
        UsageError: there is no such earlier call, or it has left nothing to do.
    """
    root = build_root(call.place.build)
    if not call.words.resume:
        return start_journal(root, call.identity, f"{datetime.now().astimezone():%m%d-%H%M%S}")
    journal = latest_journal(root, call.identity)
    if journal is None:
        raise UsageError("--resume: no earlier call asked for the same cases, values and rounds; leave it out")
    reopen_journal(journal)
    return journal


def own_folder(build: Path, number: int) -> Path:
    """Return a folder with the cases of `build` for one member of a burst: ctest leaves its lists where it runs."""
    folder = build / ".burst" / str(number)
    folder.mkdir(parents=True, exist_ok=True)
    escaped = str(build.resolve()).replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    (folder / "CTestTestfile.cmake").write_text(f'subdirs("{escaped}")\n', encoding="utf-8")
    return folder


def summary(ran: Sequence[Ran], planned: int, lines: Sequence[Line]) -> list[str]:
    """Return a line for each failure and one for the whole: turns, cases, and where the logs are."""
    labels = {done.turn.label: done.turn for done in ran}
    last = {(line.turn, line.case): line for line in lines if line.case is not None and line.turn in labels}
    skipped = sum(line.code == ExitCode.SKIPPED for line in last.values())
    bad = [line for line in last.values() if line.code not in (ExitCode.PASSED, ExitCode.SKIPPED)]
    told = [f"failed: {line.case}{_in(labels[line.turn])}: {line.logs or 'no logs'}" for line in bad]
    passed = len(last) - skipped - len(bad)
    counts = f"{passed} passed, {len(bad)} failed, {skipped} skipped"
    left = f"; {planned - len(ran)} of {planned} turns did not run" if planned > len(ran) else ""
    ends = "".join(f"; interrupted{_in(done.turn)}" for done in ran if done.code in _INTERRUPTED)
    turns = f"{len(ran)} turn{'s' if len(ran) > 1 else ''}"
    return [*told, f"{turns}, {len(last)} run{'s' if len(last) != 1 else ''} of cases: {counts}{ends}{left}"]


def _in(turn: Turn) -> str:
    return f" in {turn.title}" if turn.title else ""


def keep_failed(call: Call, lines: Sequence[Line]) -> None:
    """Write what failed in any turn to where ``ctest --rerun-failed`` reads it: each ctest knows its own turn alone."""
    failed = {line.case for line in lines if line.code not in (ExitCode.PASSED, ExitCode.SKIPPED)}
    command = [call.place.ctest, "--test-dir", str(call.place.build), "--show-only=json-v1"]
    listed = run_tool(command, timeout_s=_LIST_LIMIT_S, env=call.place.environment)
    names = [test["name"] for test in json.loads(listed.stdout)["tests"]]
    path = call.place.build / _FAILED_LIST
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{number}:{name}\n" for number, name in enumerate(names, 1) if name in failed)
    path.write_text(text, encoding="utf-8")
