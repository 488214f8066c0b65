import json
from pathlib import Path

from pinbench.harness.cli._ctest_words import Words
from pinbench.harness.cli.ctest import ctest_command, handover


def test_a_choice_of_nothing_is_an_error_unless_the_user_says_otherwise() -> None:
    usual = ctest_command("/bin/ctest", Path("/b"), Words(native=["-L", "gated"]))
    assert usual == ["/bin/ctest", "--test-dir", "/b", "--no-tests=error", "-L", "gated"]
    told = ctest_command("/bin/ctest", Path("/b"), Words(native=["--no-tests=ignore"]))
    assert told == ["/bin/ctest", "--test-dir", "/b", "--no-tests=ignore"]


def test_only_what_was_given_is_handed_over() -> None:
    assert handover(Words(), ["./ctest.sh", "-V"], Path("/here")) == {
        "PINBENCH_COMMAND": '["./ctest.sh", "-V"]',
        "PINBENCH_FOLDER": "/here",
    }


def test_everything_that_was_given_is_handed_over() -> None:
    words = Words(settings=["A=1", 'B="x'], config=Path("/c.yaml"), runs=2, dry_run=True)
    found = handover(words, ["./ctest.sh"], Path("/here"))
    assert json.loads(found["PINBENCH_SET"]) == ["A=1", 'B="x']
    assert (found["PINBENCH_CONFIG"], found["PINBENCH_RUN"], found["PINBENCH_DRY_RUN"]) == ("/c.yaml", "2", "1")
