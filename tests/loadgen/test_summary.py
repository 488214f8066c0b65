"""LoadGen's summaries, as LoadGen 6.0.17 wrote them, and broken in one place each."""

from pathlib import Path

import pytest

from pinbench.base.errors import RecordError
from pinbench.worker.loadgen.summary import parse_summary

DATA = Path(__file__).parents[1] / "data" / "loadgen"


def text(name):
    return (DATA / f"{name}.txt").read_text(encoding="utf-8")


def test_offline_is_a_rate():
    found = parse_summary(text("offline_valid"))
    assert (found.scenario, found.is_valid, found.samples_per_s) == ("Offline", True, 47_780.8)
    assert (found.percentile, found.percentile_ns, found.reasons) == (None, None, ())
    assert found.settings["samples_per_query"] == "33000"
    assert found.settings["min_duration (ms)"] == "300"


def test_single_stream_is_a_percentile_with_the_estimate_of_early_stopping():
    found = parse_summary(text("single_stream_valid"))
    assert (found.percentile, found.percentile_ns, found.estimate_ns) == ("90.0", 13_615, 13_676)
    assert found.samples_per_s is None
    assert [found.latency_ns[name] for name in ("Min", "Mean", "50.00", "99.90")] == [11_632, 29_805, 12_684, 8_139_852]


def test_multi_stream_is_another_percentile():
    found = parse_summary(text("multi_stream_valid"))
    assert (found.percentile, found.percentile_ns, found.estimate_ns) == ("99.0", 4_563_376, 7_005_144)
    assert found.settings["samples_per_query"] == "8"


def test_an_invalid_test_says_why():
    assert parse_summary(text("offline_invalid")).reasons == (
        "Min duration satisfied: NO",
        "Increase expected QPS so the loadgen pre-generates a larger (coalesced) query",
    )
    assert parse_summary(text("server_invalid")).reasons == (
        "Early stopping satisfied: NO",
        "Run unsuccessful",
        "Processed 144 queries",
        "Would need to run at least 315 more queries, with the run being successful if every additional query were "
        "under latency",
    )
    assert parse_summary(text("server_invalid")).samples_per_s == 471.2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Result is : VALID\n", "", "neither VALID nor INVALID, but None"),
        ("Result is : VALID", "Result is : FINE", "neither VALID nor INVALID, but FINE"),
        ("Samples per second: 47780.8\n", "", "no figure of its scenario"),
        ("Samples per second: 47780.8", "Samples per second: many", "no number for 'Samples per second', but 'many'"),
        ("Mean latency (ns)", "Mean of it", "no number for 'Mean latency"),
        ("Test Parameters Used", "Parameters", "no part 'Test Parameters Used'"),
    ],
)
def test_a_summary_that_is_broken_is_refused(old, new, message):
    whole = text("offline_valid")
    assert old in whole
    with pytest.raises(RecordError, match=message):
        parse_summary(whole.replace(old, new))


def test_the_empty_summary_of_an_accuracy_test_has_no_figures():
    with pytest.raises(RecordError, match="no part 'MLPerf Results Summary'"):
        parse_summary(text("accuracy"))
