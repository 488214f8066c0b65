from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.cli._ctest_words import parse_words


@pytest.mark.parametrize(
    "words",
    [
        ["-N"],
        ["-R", "dlrm", "-E", "pkm", "-VV", "--output-on-failure"],
        ["-L", "gated", "-LE", "latency", "--rerun-failed"],
        ["-j", "4", "-Q", "-O", "log.txt"],
        ["-j4", "-j", "-V"],
        ["--repeat", "until-pass:3", "-I", "1,4,2"],
        ["--show-only=json-v1", "--no-tests=ignore"],
        ["--parallel", "2", "--timeout", "60"],
    ],
)
def test_words_of_ctest_pass_unchanged(words: list[str]) -> None:
    assert parse_words(words).native == words


def test_a_value_after_an_equals_sign_becomes_a_word_of_its_own() -> None:
    # ctest ignores `--tests-regex=x` without a word, and would run everything.
    assert parse_words(["--tests-regex=a=b", "-L=gated"]).native == ["--tests-regex", "a=b", "-L", "gated"]


def test_the_pattern_is_remembered_the_last_one_counts() -> None:
    assert parse_words(["-R", "a", "--tests-regex=b"]).pattern == "b"
    assert parse_words(["-L", "a"]).pattern is None


def test_testcase_is_an_exact_name() -> None:
    words = parse_words(["--testcase=test_dummy_latency"])
    assert words.native == ["-R", "^test_dummy_latency$"]
    assert words.pattern == "^test_dummy_latency$"


def test_our_options_do_not_reach_ctest(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.touch()
    words = parse_words(["--set", "A=1", "-V", "--set=B=", "--config", str(file), "--run", "3", "--dry-run"])
    assert words.native == ["-V"]
    assert words.settings == ["A=1", "B="]
    assert (words.config, words.runs, words.dry_run) == (file, 3, True)


def test_a_relative_config_is_found_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert parse_words(["--test-config=c.yaml"]).config == tmp_path / "c.yaml"


@pytest.mark.parametrize("value", ["DATASET_DIR=/data/my files", "DATASET_DIR=../a b", "X=a=b", "X=1e-3", "X=1-2,4"])
def test_a_single_value_is_taken_as_it_is(value: str) -> None:
    assert parse_words(["--set", value]).settings == [value]


@pytest.mark.parametrize(
    "value", ["B=1 2 4", "B=1 2 3 ...8", "B=1...8", "B=2 4|2", "B=8|", "B=|2", "A=1/B=2", "P=avx_fp32 avx_bfloat16"]
)
def test_a_sequence_of_values_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="sequence of values is not supported"):
        parse_words(["--set", value])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--describe-param"], "unknown option --describe-param; did you mean --describe-params?"),
        (["--tests-regexp=x"], "unknown option --tests-regexp; did you mean --tests-regex?"),
        (["--zzz"], "unknown option --zzz; --help lists them"),
        (["--test-dir", "x"], "unknown option --test-dir"),
        (["dlrm"], "unexpected word 'dlrm'; to choose cases write -R 'dlrm'"),
        (["-R"], "-R needs a value"),
        (["--set"], "--set needs a value"),
        (["--set", "BATCH_SIZE"], "--set 'BATCH_SIZE' is not NAME=VALUE"),
        (["--set", "=1"], "--set '=1' is not NAME=VALUE"),
        (["--dry-run=yes"], "--dry-run takes no value, got 'yes'"),
        (["--config", "/nonexistent.yaml"], "--config /nonexistent.yaml: no such file"),
        (["--run", "-1"], "--run needs how often each case runs, at least 1, got '-1'"),
        (["--run", "auto"], "got 'auto'"),
        (["-N=1"], "unknown option -N"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_words(words)
    assert message in str(caught.value)
