from pathlib import Path

import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.cli._ctest_words import choose, parse_words


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


@pytest.mark.parametrize("value", ["DATASET_DIR=/data/my files", "X=a=b", "B=1 2 3 ...8 |2/S=1 2", "B="])
def test_what_stands_behind_set_is_kept_as_written(value: str) -> None:
    assert parse_words(["--set", value]).settings == [value]


def test_loops_bursts_and_what_ends_them() -> None:
    words = parse_words(["--loop", "3", "--burst=2", "--continue", "--until", "cv=2%", "--resume", "--zip"])
    assert (words.loops, words.burst, words.keep_going, words.resume, words.zip) == (3, 2, True, True, True)
    assert words.until is not None
    assert words.until.share == 0.02
    assert words.native == []


def test_options_are_read_as_if_they_stood_there_themselves() -> None:
    words = parse_words(["--options", "--run 2 -R 'a b' --set=B=1", "-V"])
    assert (words.runs, words.pattern, words.settings, words.native) == (2, "a b", ["B=1"], ["-R", "a b", "-V"])


def test_a_detached_run_has_a_log_in_the_users_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = parse_words(["--daemon", "-R", "x"])
    assert (words.detached, words.log, words.pattern) == ("daemon", tmp_path / "daemon.out", "x")
    assert parse_words(["--nohup", "my.log", "-V"]).log == tmp_path / "my.log"
    assert parse_words(["--nohup=my.log"]).detached == "nohup"


def test_status_and_stop_take_a_value_or_none() -> None:
    assert parse_words(["--status"]).status == 5
    assert parse_words(["--status", "20"]).status == 20
    assert parse_words(["--stop"]).stop == ""
    assert parse_words(["--stop", "all"]).stop == "all"
    assert parse_words(["-V"]).stop is None


def test_attached_files_may_stand_behind_one_option(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    words = parse_words(["--attach", f"{tmp_path}/a,{tmp_path}/b", "--attach", f"{tmp_path}/c"])
    assert [path.name for path in words.attach] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--describe-param"], "unknown option --describe-param; did you mean --describe-params?"),
        (["--tests-regexp=x"], "unknown option --tests-regexp; did you mean --tests-regex?"),
        (["--qqq"], "unknown option --qqq; --help lists them"),
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
        (["--loop", "-1"], "--loop needs how many loops, at least 1, got '-1'"),
        (["--burst", "two"], "--burst needs how many runs at the same time, at least 1, got 'two'"),
        (["--options", "--lop 3"], "unknown option --lop; did you mean --loop?"),
        (["--options", "'"], '--options "\'": No closing quotation'),
        (["--attach", "/nonexistent"], "--attach /nonexistent: no such file"),
        (["--compare", "/nonexistent"], "--compare /nonexistent: no such directory"),
        (["--testset", "/nonexistent"], "--testset /nonexistent: no such file"),
        (["--daemon", "--nohup"], "--daemon and --nohup exclude each other"),
        (["--status", "many"], "--status=many is no number of lines"),
        (["--until", "cv=2"], "--until 'cv=2': cv must be a percentage"),
        (["--prepare-sut"], "--prepare-sut is not there: cases run on this host"),
        (["--burst-align"], "--burst-align is not there"),
    ],
)
def test_a_mistake_is_named_with_the_way_out(words: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_words(words)
    assert message in str(caught.value)


def test_a_choice_is_put_where_the_users_one_stood():
    words = parse_words(["-V", "--testcase", "a", "-L", "gated"])
    choose(words, "b")
    assert (words.pattern, words.native) == ("b", ["-V", "-R", "b", "-L", "gated"])
