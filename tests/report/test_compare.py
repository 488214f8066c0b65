import json
import random
from dataclasses import replace

import pytest
from records import make_case

from pinbench.base.errors import UsageError
from pinbench.harness.cli import main
from pinbench.harness.report.compare import Demand, Verdict, compare, text
from pinbench.harness.report.entries import read_entries
from pinbench.harness.report.ratio import Ratio

USUAL = Demand(threshold=0.01, confidence=0.98)


@pytest.fixture
def runs(keep_run, passed):
    """Return a function that leaves a run for each rate, in a folder of the given name."""

    def leave(root, *rates, **knobs):
        return keep_run(*(passed(rate, make_case(**knobs)) for rate in rates), root=root)

    return leave


def around(rate, count, seed, spread=0.01):
    source = random.Random(seed)
    return [source.gauss(rate, spread * rate) for _ in range(count)]


def verdict_of(base, new, demand=USUAL):
    (line,) = compare(read_entries([base]), read_entries([new]), demand)
    return line.verdict


@pytest.mark.parametrize(("factor", "verdict"), [(1.05, Verdict.BETTER), (0.95, Verdict.WORSE), (1.0, Verdict.SAME)])
def test_a_difference_beyond_the_noise_is_told_with_its_direction(runs, factor, verdict):
    base = runs("base", *around(10_000, 10, 1, 0.002))
    new = runs("new", *around(10_000 * factor, 10, 2, 0.002))
    assert verdict_of(base, new) is verdict


def test_a_difference_below_the_threshold_does_not_count(runs):
    base, new = runs("base", *around(10_000, 10, 1, 0.001)), runs("new", *around(10_200, 10, 2, 0.001))
    assert verdict_of(base, new) is Verdict.BETTER
    assert verdict_of(base, new, replace(USUAL, threshold=0.05)) is Verdict.SAME


def test_noise_that_hides_everything_is_undecided(runs):
    assert (
        verdict_of(runs("base", *around(1000, 6, 1, 0.3)), runs("new", *around(1000, 6, 2, 0.3))) is Verdict.UNDECIDED
    )


@pytest.mark.parametrize("other", ["rank_test", "ratio_of"])
def test_a_difference_needs_the_test_and_the_interval(runs, monkeypatch, other):
    base, new = runs("base", *around(10_000, 10, 1)), runs("new", *around(8_000, 10, 2))
    assert verdict_of(base, new) is Verdict.WORSE
    denied = {"rank_test": lambda *_: 0.5, "ratio_of": lambda *_: Ratio(value=0.8, low=0.7, high=1.1)}[other]
    monkeypatch.setattr(f"pinbench.harness.report.compare.{other}", denied)
    assert verdict_of(base, new) is Verdict.UNDECIDED


def test_three_runs_of_each_tell_nothing(runs, capsys):
    base, new = runs("base", 100, 101, 102), runs("new", 200, 201, 202)
    assert verdict_of(base, new) is Verdict.UNDECIDED
    assert main(["compare", str(base), str(new)]) == 0
    assert "too few runs to tell: 5 of each" in capsys.readouterr().out


def test_of_equal_runs_few_are_called_different_and_of_slower_ones_most(runs, monkeypatch):
    monkeypatch.setattr("pinbench.harness.report.ratio._RESAMPLES", 200)  # the test alone decides nearly always
    source = random.Random(5)

    def sample(rate):
        return [source.lognormvariate(0, 0.015) * rate for _ in range(10)]

    from pinbench.harness.report.compare import _line

    entry = read_entries([runs("one", 100)])[0]

    def verdict(new_rate):
        return _line(entry.case, entry.primary, sample(1000), sample(new_rate), USUAL).verdict

    same = [verdict(1000) for _ in range(100)]
    slower = [verdict(970) for _ in range(50)]
    assert sum(found in (Verdict.BETTER, Verdict.WORSE) for found in same) <= 5
    assert sum(found is Verdict.WORSE for found in slower) >= 40


def test_a_worse_key_kpi_is_exit_code_1(runs, capsys):
    base, new = runs("base", *around(10_000, 6, 1)), runs("new", *around(8_000, 6, 2))
    assert main(["compare", str(base), str(new)]) == 1
    assert main(["compare", str(new), str(base)]) == 0
    out = capsys.readouterr().out
    assert "*Throughput" in out
    assert "worse" in out
    assert "better" in out


def test_all_kpis_with_a_better_side_are_compared_on_request(runs):
    base, new = (read_entries([runs(name, 100, 110, 120, 130)]) for name in ("base", "new"))
    names = [line.kpi.name for line in compare(base, new, replace(USUAL, all_kpis=True))]
    assert {"Throughput", "Mean Latency", "P99 Latency"} <= set(names)
    assert "Samples" not in names


@pytest.mark.parametrize(("name", "knobs"), [("BATCH_SIZE", {"batch_size": 64}), ("ENGINE", {"engine": "other"})])
def test_runs_of_another_kind_are_refused_unless_told(keep_run, passed, capsys, name, knobs):
    base = keep_run(passed(100, make_case()), root="base")
    record = passed(100, make_case())
    other = replace(record, plan=replace(record.plan, case=make_case(**knobs)))
    if "batch_size" in knobs:
        other = replace(other, results=tuple(replace(result, batch_size=64) for result in other.results))
    new = keep_run(other, root="new")
    words = ["compare", str(base), str(new)]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert f"not comparable, {name} is" in said
    allowed = [word for part in (name, "SERVING_STACK") for word in ("--allow", part)]
    assert main([*words, *allowed]) == 0


def test_runs_of_one_side_must_be_of_one_kind_too(keep_run, passed):
    mixed = keep_run(passed(100, make_case()), passed(100, make_case(steps=20)), root="mixed")
    with pytest.raises(UsageError, match="STEPS is"):
        compare(read_entries([mixed]), read_entries([mixed]), USUAL)


def test_no_common_case_is_said_with_what_is_there(runs, keep_run, failed, capsys):
    assert main(["compare", str(runs("base", 100)), str(keep_run(failed, root="bad"))]) == 2
    assert "nothing that passed" in capsys.readouterr().err


def test_another_host_is_compared_and_named(runs, keep_run, passed, capsys):
    record = passed(100, make_case())
    moved = replace(record, host=replace(record.host, cpu_model="Other CPU"))
    new = keep_run(moved, moved, moved, moved, root="new")
    assert main(["compare", str(runs("base", 100, 100, 100, 100)), str(new)]) == 0
    assert "# CPU_MODEL: AMD EPYC 9B14 -> Other CPU" in capsys.readouterr().out


def test_json_has_what_the_table_has(runs, capsys):
    base, new = runs("base", *around(100, 5, 1)), runs("new", *around(100, 5, 2))
    main(["compare", str(base), str(new), "--format", "json"])
    (line,) = json.loads(capsys.readouterr().out)
    (expected,) = compare(read_entries([base]), read_entries([new]), USUAL)
    assert (line["kpi"], line["n_base"], line["verdict"]) == ("Throughput", 5, expected.verdict.value)
    assert line["ratio"]["low"] <= line["ratio"]["value"] <= line["ratio"]["high"]


@pytest.mark.parametrize("given", ["abc", "-1%", "100%", ""])
def test_a_threshold_that_is_no_percentage_is_refused(runs, given, capsys):
    base = str(runs("base", 100))
    assert main(["compare", base, base, f"--threshold={given}"]) == 2
    assert "--threshold must be a percentage" in capsys.readouterr().err


def test_the_table_is_aligned(runs):
    entries = read_entries([runs("base", 100, 101, 102, 103)])
    head, line = text(compare(entries, entries, USUAL), USUAL).splitlines()
    assert head.index("verdict") == line.index("same") if "same" in line else line.index("undecided")
