"""What a call of ctest.sh does beside running its turns: until enough is known, a sweep's best, a comparison."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.cli import _comparison
from pinbench.harness.cli._ctest_call import Call
from pinbench.harness.cli._ctest_drive import Driver, keep_failed, summary
from pinbench.harness.cli._ctest_results import Measured, entries_of, measured
from pinbench.harness.cli._ctest_turns import Round, Turn
from pinbench.harness.cli._ctest_until import Until
from pinbench.harness.report import sweep
from pinbench.harness.report.compare import compare
from pinbench.harness.report.compare_text import text
from pinbench.harness.report.entries import Entry, Outcome, read_entries
from pinbench.harness.report.listing import Listing


def carry_out(call: Call) -> int:
    """Run `call` to its end, print what came of it, and return the exit code.

    0 when all passed or were skipped; 8 (ctest's own) when a case failed; 1 when a KPI is worse than the baseline's or
    not known as well as --until asks; 128 + n when signal n ended it.
    """
    words = call.words
    base = _baseline(words.compare, call) if words.compare else ()
    for line in call.left_out:
        print(f"left out: {line}")
    driver = Driver(call)
    planned = _run(driver)
    if words.dry_run:
        return driver.worst
    print("\n".join(f"ctest.sh: {line}" for line in summary(driver.ran, planned, driver.lines)), flush=True)
    if driver.worst and not driver.is_interrupted:
        keep_failed(call, driver.lines)
    return max(driver.worst, *_conclusions(driver, base))


def _run(driver: Driver) -> int:
    """Run all turns and return how many there were to be."""
    call, words = driver.call, driver.call.words
    if words.until:
        driver.run(_until_rounds(driver, words.until), keep_going=words.keep_going)
        return len(driver.ran)
    driver.run(call.rounds, keep_going=words.keep_going or bool(words.sweep))
    planned = sum(map(len, call.rounds))
    if words.repeat_best and not words.dry_run and not driver.is_interrupted:
        rounds = _best_rounds(driver, words.repeat_best)
        driver.run(rounds, keep_going=True)
        planned += len(rounds)
    return planned


def _conclusions(driver: Driver, base: Sequence[Entry]) -> list[int]:
    """Print what the options ask for in the end, and return an exit code for each of them."""
    words, codes = driver.call.words, [int(ExitCode.PASSED)]
    if words.sweep:
        _print_sweep(driver)
    if words.until:
        codes.append(_print_until(driver, words.until))
    if base and not driver.is_interrupted:
        codes.append(_print_comparison(driver, base))
    return codes


def _until_rounds(driver: Driver, until: Until) -> Iterator[Round]:
    """Yield a round for the cases that are not known well enough yet; one that has failed or was skipped is over."""
    for (turn,) in driver.call.rounds:
        entries = entries_of(driver.lines)
        over = {line.case for line in driver.fresh_lines if line.code}
        left = [case for case in driver.call.cases if case not in over and not _is_met(until, measured(entries, case))]
        if not left:
            return
        yield (replace(turn, cases=tuple(left)),)


def _is_met(until: Until, found: Measured | None) -> bool:
    return found is not None and until.is_met(found.values)


def _print_until(driver: Driver, until: Until) -> int:
    entries, code = entries_of(driver.lines), int(ExitCode.PASSED)
    for case in driver.call.cases:
        found = measured(entries, case)
        if found is not None:
            print(until.line(case, found.values))
            code = code if until.is_met(found.values) else int(ExitCode.FAILED)
    return code


def _best_rounds(driver: Driver, count: int) -> tuple[Round, ...]:
    """Return `count` more turns of each case's best point: the best of many is in part the luckiest."""
    points: dict[tuple[str, tuple[str, ...]], set[str]] = {}
    for done in driver.ran:
        assert done.turn.cases is not None
        points.setdefault((done.turn.cases[0], done.turn.settings), set()).add(done.turn.label)
    best: dict[str, tuple[float, tuple[str, ...]]] = {}
    for (case, settings), labels in points.items():
        found = measured(entries_of(driver.lines, labels), case)
        if found is not None and (case not in best or found.goodness > best[case][0]):
            best[case] = found.goodness, settings
    return tuple(
        (Turn(label=f"best{place}x{again + 1}", settings=settings, cases=(case,)),)
        for again in range(count)
        for place, (case, (_, settings)) in enumerate(best.items(), 1)
    )


def _print_sweep(driver: Driver) -> None:
    again = {done.turn.label for done in driver.ran if done.turn.label.startswith("best")}
    rounds = {done.turn.label for done in driver.ran} - again
    entries = entries_of(driver.lines, rounds)
    print(sweep.render(Listing(entries=entries)) if entries else "no point was run\n", end="")
    if again and (entries := entries_of(driver.lines, again)):
        print("\n# the best points once more\n" + sweep.render(Listing(entries=entries)), end="")
    print(end="", flush=True)


def _baseline(baseline: Path, call: Call) -> tuple[Entry, ...]:
    """Return the runs in `baseline`, read now: a run may rename that very directory.

    Raises:
        UsageError: the runs could not be held against them in the end.
    """
    entries = read_entries([baseline])
    passed = [entry for entry in entries if entry.outcome is Outcome.PASSED]
    names = {TEST_PREFIX + entry.case.name for entry in passed if entry.case is not None}
    if names.isdisjoint(call.cases):
        there = ", ".join(sorted(names)) or "nothing that passed"
        raise UsageError(f"--compare {baseline} has numbers of {there}, and of none of the chosen cases")
    return entries


def _print_comparison(driver: Driver, base: Sequence[Entry]) -> int:
    new = entries_of(driver.lines)
    if not any(entry.outcome is Outcome.PASSED for entry in new):
        print("no run passed: there is nothing to compare")
        return int(ExitCode.FAILED)
    parser = ArgumentParser()
    _comparison.configure(parser)
    asked = parser.parse_args([])  # what `pinbench compare` takes by default
    comparison = compare(base, new, _comparison.demand(asked))
    print(text(comparison), end="")
    return int(_comparison.exit_code(comparison, asked.fail_on))
