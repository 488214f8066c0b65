import json
import sys
from pathlib import Path

import pytest

from pinbench.base.errors import PlanError, UsageError
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import SOURCE_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_call import (
    HANDED_OVER,
    Place,
    ctest_command,
    handover,
    is_whole,
    make_call,
    selected,
    user_environment,
)
from pinbench.harness.cli._ctest_turns import Turn
from pinbench.harness.cli._ctest_words import parse_words

WORKLOADS = tuple(load_workload(SOURCE_ROOT / "workload" / name) for name in ("DLRM-PyTorch-Xeon-Public", "dummy"))
DUMMY = "test_dummy_throughput_gated"
DLRM = "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"


@pytest.fixture
def place(tmp_path):
    """A build folder whose ctest lists what stands in `chosen`, whatever it is asked."""

    def make(*chosen, **environment):
        listing = tmp_path / "listing.json"
        listing.write_text(json.dumps({"tests": [{"name": name} for name in chosen]}))
        ctest = tmp_path / "ctest"
        ctest.write_text(f"#!{sys.executable}\nprint(open({str(listing)!r}).read())\n")
        ctest.chmod(0o755)
        return Place(
            door="./ctest.sh", build=tmp_path, ctest=str(ctest),
            workloads=WORKLOADS,
            platform=load_platforms().resolve("SPR"), environment=environment,
        )  # fmt: skip

    return make


def call(place, *argv):
    return make_call(place, parse_words(argv), ["./ctest.sh", *argv])


def test_a_choice_of_nothing_is_an_error_unless_the_user_says_otherwise(place):
    here = place()
    assert ctest_command(here, ["-L", "x"])[1:] == ["--test-dir", str(here.build), "--no-tests=error", "-L", "x"]
    assert "--no-tests=error" not in ctest_command(here, ["--no-tests=ignore"])
    with pytest.raises(UsageError, match="-L x chooses no case"):
        call(here, "-L", "x")
    assert call(here, "-L", "x", "--no-tests=ignore").cases == ()


def test_what_ctest_complains_of_is_said(tmp_path, place):
    here = place(DUMMY)
    Path(here.ctest).write_text("#!/bin/sh\necho 'CMake Error: bad -I'; exit 1\n")
    with pytest.raises(UsageError, match="ctest does not list the cases: CMake Error: bad -I"):
        selected(here, parse_words(["-V"]))


def test_one_run_of_each_case_is_single_and_all_else_is_not(place, tmp_path):
    here = place(DUMMY)
    assert call(here, "-R", DUMMY, "--set", "STEPS=3", "--run", "2").is_single
    for more in (["--loop", "1"], ["--burst", "1"], ["--until", "cv=2%"], ["--resume"], ["--compare", str(tmp_path)]):
        assert not call(here, "-R", DUMMY, *more).is_single
    assert not call(here, "-R", DUMMY, "--sweep", "STEPS=1").is_single


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "STPES=3"], "no parameter 'STPES'; did you mean STEPS?"),
        (["--set", "STEPS=0"], "STEPS must be a whole number of at least 1, got '0'"),
        (["--set", "STEPS=1 2 0", "--loop", "3"], "got '0'"),  # the last loop's would be found hours later
        (["--set", "STEPS=1 2 3"], "3 values for 1 run"),
        (["--set", "STEPS=8 6 4 ...2", "--loop", "4"], "8 6 4 ...2 falls"),
        (["--sweep", "STEPS=1,2", "--loop", "2"], "--sweep and --loop exclude each other; --run N gives"),
        (["--until", "cv=2%", "--burst", "2"], "--until and --burst exclude each other"),
        (["--zip"], "--zip is for --sweep alone"),
        (["--repeat-best", "2"], "--repeat-best is for --sweep alone"),
        (["--sweep", "STEPS=1", "-L", "gated"], "by -R or --testcase alone; leave out -L"),
        (["--dry-run", "--daemon"], "--dry-run starts nothing: leave out --daemon"),
    ],
)
def test_a_mistake_is_found_before_anything_runs(place, words, message):
    with pytest.raises(UsageError) as caught:
        call(place(DUMMY), "-R", DUMMY, *words)
    assert message in str(caught.value)


def test_a_value_that_one_of_several_cases_does_not_know_names_the_case(place):
    with pytest.raises(UsageError, match=f"no parameter 'BEHAVIOUR'.* that is for {DLRM}, other cases may be chosen"):
        call(place(DUMMY, DLRM), "-R", "gated", "--set", "BEHAVIOUR=pass")


def test_a_wrong_value_of_the_environment_is_found_too_unless_it_is_left_out(place):
    with pytest.raises(UsageError, match=r"STEPS must be .*got 'x' .environment"):
        call(place(DUMMY, STEPS="x"), "-R", DUMMY)


def test_more_members_than_cores_are_refused(place):
    with pytest.raises(PlanError, match="5000 runs at the same time do not fit"):
        call(place(DUMMY), "-R", DUMMY, "--burst", "5000")


def test_paths_and_texts_are_taken_whole(place):
    workloads = place().workloads
    assert is_whole("DATASET_DIR", workloads)
    assert is_whole("DLRM-PyTorch-Xeon-Public__DATASET_DIR", workloads)
    assert not is_whole("BATCH_SIZE", workloads)
    made = call(place(DLRM), "-R", DLRM, "--set", "DATA_TYPE=real", "--set", "DATASET_DIR=/my data/STEPS=1")
    assert made.rounds[0][0].settings == ("DATA_TYPE=real", "DATASET_DIR=/my data/STEPS=1")


def test_the_same_work_has_the_same_identity_however_much_it_says(place, tmp_path):
    def identity(*more, **environment):
        return call(place(DUMMY, **environment), "-R", DUMMY, "--loop", "2", *more).identity

    assert identity() == identity("-V", "--continue") == identity(HOME="/x")
    others = [identity("--set", "STEPS=3"), identity("--run", "2"), identity(STEPS="3")]
    assert identity() == identity("--run", "1")
    assert len({identity(), *others}) == 4


def test_only_what_was_given_is_handed_over(place):
    made = call(place(DUMMY), "-R", DUMMY)
    assert handover(made, Turn(label=""), None) == {
        "PINBENCH_COMMAND": json.dumps(["./ctest.sh", "-R", DUMMY]),
        "PINBENCH_FOLDER": str(Path.cwd()),
    }


def test_everything_that_was_given_is_handed_over(place, tmp_path):
    note = tmp_path / "note"
    note.touch()
    config = tmp_path / "c.yaml"
    config.touch()
    words = ["-R", DUMMY, "--burst", "1", "--set", "STEPS=3", "--config", str(config), "--run", "2"]
    made = call(place(DUMMY), *words, "--attach", str(note))
    turn = Turn(label="b1", settings=("STEPS=3",), share=(1, 2))
    found = handover(made, turn, Path("/j"))
    assert set(found) <= HANDED_OVER
    assert json.loads(found["PINBENCH_SET"]) == ["STEPS=3"]
    assert json.loads(found["PINBENCH_ATTACH"]) == [str(note)]
    assert [found[f"PINBENCH_{name}"] for name in ("CONFIG", "RUN", "LABEL", "SHARE", "JOURNAL")] == [
        str(config), "2", "b1", "1/2", "/j",
    ]  # fmt: skip


def test_of_a_sweep_the_rounds_are_not_iterations_too(place):
    made = call(place(DUMMY), "-R", DUMMY, "--sweep", "STEPS=1,2", "--run", "3")
    assert len(made.rounds) == 6
    assert "PINBENCH_RUN" not in handover(made, made.rounds[0][0], None)


def test_a_dry_run_leaves_no_line_in_a_journal(place):
    made = call(place(DUMMY), "-R", DUMMY, "--dry-run")
    found = handover(made, made.rounds[0][0], Path("/j"))
    assert found["PINBENCH_DRY_RUN"] == "1"
    assert "PINBENCH_JOURNAL" not in found


def test_nothing_of_an_outer_call_is_left_and_with_noenv_no_parameter():
    given = {"PATH": "/bin", "STEPS": "9", "PINBENCH_SET": "[]", "PINBENCH_PYTHON": "/py", "LD_PRELOAD": "x.so"}
    assert user_environment(given, noenv=False) == {
        "PATH": "/bin", "STEPS": "9", "PINBENCH_PYTHON": "/py", "LD_PRELOAD": "x.so",
    }  # fmt: skip
    assert user_environment(given, noenv=True) == {"PATH": "/bin", "PINBENCH_PYTHON": "/py"}
