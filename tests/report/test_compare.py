import json
import random
from dataclasses import replace

import pytest
from records import BF16_KERNEL, DATA, make_case, make_record, ok

from pinbench.base.errors import UsageError
from pinbench.contract.case import DataType, Precision
from pinbench.contract.kpi import Kpi
from pinbench.contract.result import IsaReadback
from pinbench.harness.cli import main
from pinbench.harness.report.compare import Demand, Verdict, compare, compare_values
from pinbench.harness.report.compare_text import text
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
    (line,) = compare(read_entries([base]), read_entries([new]), demand).lines
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

    entry = read_entries([runs("one", 100)])[0]

    def verdict(new_rate):
        return compare_values(entry.case.name, entry.primary, sample(1000), sample(new_rate), USUAL).verdict

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
    assert "slower" in out
    assert "faster" in out


def test_all_kpis_with_a_better_side_are_compared_on_request(runs):
    base, new = (read_entries([runs(name, 100, 110, 120, 130)]) for name in ("base", "new"))
    names = [line.kpi.name for line in compare(base, new, replace(USUAL, all_kpis=True)).lines]
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


def test_no_common_case_is_said_with_what_is_there(runs, keep_run, capsys):
    assert main(["compare", str(runs("base", 100)), str(keep_run(None, root="bad"))]) == 2
    assert "nothing that passed" in capsys.readouterr().err


def test_another_host_is_refused_unless_told_and_then_named(runs, keep_run, passed, capsys):
    record = passed(100, make_case())
    moved = replace(record, host=replace(record.host, cpu_model="Other CPU"))
    words = ["compare", str(runs("base", 100, 100, 100, 100)), str(keep_run(moved, moved, moved, moved, root="new"))]
    assert main(words) == 2
    said = capsys.readouterr().err
    assert "HOST is AMD EPYC 9B14 with 1 CPUs and Other CPU with 1 CPUs; --allow HOST compares" in said
    assert main([*words, "--allow", "HOST"]) == 0
    assert "# CPU_MODEL: AMD EPYC 9B14 -> Other CPU" in capsys.readouterr().out


def test_another_version_is_compared_and_named(runs, keep_run, passed, capsys):
    record = passed(100, make_case())
    other = replace(record, software=replace(record.software, packages={"torch": "3.0"}))
    assert main(["compare", str(runs("base", 100)), str(keep_run(other, root="new"))]) == 0
    assert "# PACKAGES: torch=2.13.0+cpu numpy=2.4.0 -> torch=3.0\n" in capsys.readouterr().out


def test_another_precision_is_refused_by_its_name_unless_told(runs, keep_run, passed, capsys):
    case = make_case(
        name="dlrm_pytorch_xeon_public_inference_throughput_avx_bfloat16_gated", precision=Precision.BFLOAT16
    )
    record = passed(100, case)
    probe = IsaReadback(header="Intel AVX-512 with bfloat16", kernels=(BF16_KERNEL,))
    record = replace(record, results=tuple(replace(result, isa=probe) for result in record.results))
    words = ["compare", str(runs("base", 100)), str(keep_run(record, root="new"))]
    assert main(words) == 2
    assert "not comparable, PRECISION is avx_fp32 and avx_bfloat16" in capsys.readouterr().err
    assert main([*words, "--allow", "PRECISION"]) == 0
    assert "throughput_*_gated" in capsys.readouterr().out


def test_real_data_of_another_content_is_refused(keep_run, passed, capsys):
    case = make_case(data_type=DataType.REAL)

    def leave(root, sha256):
        record = passed(100, case)
        data = replace(record.results[0].data, detail=sha256)
        return str(keep_run(replace(record, results=(replace(record.results[0], data=data),)), root=root))

    assert main(["compare", leave("base", "sha256 ab"), leave("new", "sha256 cd")]) == 2
    assert "DATASET is synthetic Criteo: sha256 ab and synthetic Criteo: sha256 cd" in capsys.readouterr().err


def test_json_has_what_the_table_has(runs, capsys):
    base, new = runs("base", *around(100, 5, 1)), runs("new", *around(100, 5, 2))
    main(["compare", str(base), str(new), "--format", "json"])
    (line,) = json.loads(capsys.readouterr().out)["lines"]
    (expected,) = compare(read_entries([base]), read_entries([new]), USUAL).lines
    assert (line["kpi"], line["n_base"], line["verdict"]) == ("Throughput", 5, expected.verdict.value)
    assert line["ratio"]["low"] <= line["ratio"]["value"] <= line["ratio"]["high"]


@pytest.mark.parametrize(
    ("factor", "fail_on", "code"),
    [
        (0.8, "worse", 1), (1.25, "worse", 0), (1.25, "different", 1), (0.8, "undecided", 1), (0.8, "never", 0),
        (1.0, "different", 0),
    ],
)  # fmt: skip
def test_the_exit_code_is_the_one_that_was_asked_for(runs, factor, fail_on, code):
    base, new = runs("base", *around(10_000, 6, 1, 0.001)), runs("new", *around(10_000 * factor, 6, 2, 0.001))
    assert main(["compare", str(base), str(new), "--fail-on", fail_on]) == code


def test_what_is_undecided_fails_only_on_request(runs):
    base, new = str(runs("base", 100)), str(runs("new", 100))
    assert main(["compare", base, new]) == 0
    assert main(["compare", base, new, "--fail-on", "undecided"]) == 1


def test_a_case_that_only_fails_now_fails_the_comparison(runs, keep_run, failed, capsys):
    base, new = runs("base", 100, 101), keep_run(failed, failed, root="new")
    assert main(["compare", str(base), str(new)]) == 1
    assert "_gated: failed in NEW, all of its runs" in capsys.readouterr().out
    assert main(["compare", str(base), str(new), "--fail-on", "never"]) == 0


def test_runs_that_failed_beside_others_are_counted_aloud(runs, keep_run, passed, failed, capsys):
    main(["compare", str(runs("base", 100)), str(keep_run(passed(100), failed, root="new"))])
    assert "runs of NEW that gave no number and are not in it: 1" in capsys.readouterr().out


def test_long_runs_of_one_each_are_still_one_value_each(keep_run, runs, capsys):
    long = make_record(ok(0, steps=5000))
    assert main(["compare", str(keep_run(long, root="base")), str(keep_run(long, root="new"))]) == 0
    assert "steps of one run share its state and do not count as runs" in capsys.readouterr().out


def test_another_kpi_is_compared_by_its_name(runs, capsys):
    base, new = (runs(name, *around(100, 6, 1)) for name in ("base", "new"))
    assert main(["compare", str(base), str(new), "--kpi", "P50 Latency"]) == 0
    out = capsys.readouterr().out
    assert "P50 Latency" in out
    assert "*Throughput" not in out
    assert main(["compare", str(base), str(new), "--kpi", "P51 Latency"]) == 2
    assert "--kpi 'P51 Latency': no case has this KPI with a better side; there are: " in capsys.readouterr().err


@pytest.mark.parametrize("given", ["abc", "-1%", "100%", ""])
def test_a_threshold_that_is_no_percentage_is_refused(runs, given, capsys):
    base = str(runs("base", 100))
    assert main(["compare", base, base, f"--threshold={given}"]) == 2
    assert "--threshold must be a percentage" in capsys.readouterr().err


def test_the_table_is_aligned_and_says_what_counts(runs):
    entries = read_entries([runs("base", 100, 101, 102, 103)])
    head, line, demand = text(compare(entries, entries, USUAL)).splitlines()
    assert head.index("verdict") == line.index("undecided")
    assert demand == "# a difference counts from 1 % on, where test and interval show it with 98 % confidence"


# In turns: neighbours share what the host did, a drift of a half over the ten pairs.


@pytest.fixture
def in_turns(keep_run, passed):
    """Return a function that leaves pairs of runs in turns, new by `factor` faster, on a host that becomes slower."""

    def leave(factor, *, mixed=True, pairs=10):
        source, sides = random.Random(3), ([], [])
        for number in range(pairs):
            for side, speed in ((0, 1.0), (1, factor)):
                rate = 10_000 * speed * (1 - 0.05 * number) * source.gauss(1, 0.003)
                minute = 2 * number + (side if mixed else 2 * side * pairs)
                started = f"2025-01-02T03:{minute:02}:00+00:00"
                sides[side].append(replace(passed(rate), started_at=started))
        return [read_entries([keep_run(*side, root=f"{mixed}{place}")]) for place, side in enumerate(sides)]

    return leave


@pytest.mark.parametrize(("factor", "verdict"), [(0.97, Verdict.WORSE), (1.0, Verdict.SAME)])
def test_runs_in_turns_are_compared_with_their_neighbours(in_turns, factor, verdict):
    base, new = in_turns(factor)
    (line,) = compare(base, new, USUAL).lines
    assert (line.is_paired, line.verdict) == (True, verdict)
    assert line.ratio.value == pytest.approx(factor, abs=0.005)
    shuffled = compare(list(reversed(base)), new[5:] + new[:5], USUAL).lines[0]
    assert (shuffled.ratio, shuffled.p) == (line.ratio, line.p)


def test_the_same_runs_without_their_times_are_lost_in_the_drift(in_turns):
    base, new = ([replace(entry, started_at=None) for entry in side] for side in in_turns(0.97))
    (line,) = compare(base, new, USUAL).lines
    assert (line.is_paired, line.verdict) == (False, Verdict.UNDECIDED)


def test_runs_one_after_the_other_are_no_pairs_and_it_is_said(in_turns):
    found = compare(*in_turns(1.0, mixed=False), USUAL)
    assert not found.lines[0].is_paired
    assert any("runs that alternate do not have that" in note for note in found.notes)


def test_six_pairs_are_too_few(in_turns):
    (line,) = compare(*in_turns(0.5, pairs=6), USUAL).lines
    assert line.note.startswith("too few runs to tell: 7 of each")


# On values that a busy machine gave: its two cores had work for thirteen (see ORIGIN.md beside them).


@pytest.fixture(scope="module")
def recorded():
    return json.loads((DATA / "compare" / "values.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["Throughput", "P50 Latency"])
def test_of_recorded_equal_runs_few_are_called_different(recorded, name, monkeypatch):
    monkeypatch.setattr("pinbench.harness.report.ratio._RESAMPLES", 200)
    arms = recorded[name]
    kpi = Kpi(name=name, value=0.0, higher_is_better=name == "Throughput")
    for is_paired in (True, False):
        found = [
            compare_values("x", kpi, base, same, USUAL, is_paired=is_paired).verdict
            for base, same in zip(arms["base"], arms["same"], strict=True)
        ]
        assert len(found) == 40
        assert sum(verdict in (Verdict.BETTER, Verdict.WORSE) for verdict in found) <= 2


def test_of_recorded_slower_runs_most_are_found_by_the_time_of_undisturbed_steps(recorded, monkeypatch):
    monkeypatch.setattr("pinbench.harness.report.ratio._RESAMPLES", 200)
    arms = recorded["P50 Latency"]
    kpi = Kpi(name="P50 Latency", value=0.0, higher_is_better=False)
    found = [
        compare_values("x", kpi, base, slower, USUAL, is_paired=True).verdict
        for base, slower in zip(arms["base"], arms["slower"], strict=True)
    ]
    assert sum(verdict is Verdict.WORSE for verdict in found) >= 32
    assert Verdict.BETTER not in found


def test_of_runs_drawn_anew_from_the_recorded_ones_few_equal_and_most_slower_are_told(recorded, monkeypatch):
    monkeypatch.setattr("pinbench.harness.report.ratio._RESAMPLES", 200)
    pool = [value for values in recorded["P50 Latency"]["base"] for value in values]
    kpi, source = Kpi(name="P50 Latency", value=0.0, higher_is_better=False), random.Random(11)

    def verdict(factor):
        base, new = source.sample(pool, 10), [value * factor for value in source.sample(pool, 10)]
        return compare_values("x", kpi, base, new, USUAL).verdict

    assert sum(verdict(1.0) in (Verdict.BETTER, Verdict.WORSE) for _ in range(80)) <= 4
    assert sum(verdict(1.03) is Verdict.WORSE for _ in range(40)) >= 32
