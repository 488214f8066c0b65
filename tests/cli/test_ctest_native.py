from pinbench.harness.cli._ctest_native import choosers, names, only, with_own_files


def test_a_value_is_no_option() -> None:
    assert names(["-R", "-V", "-j", "4", "-j", "-Q", "--no-tests=ignore"]) == ["-R", "-j", "-j", "-Q", "--no-tests"]


def test_what_chooses_cases_is_replaced_by_their_names() -> None:
    words = ["-L", "gated", "-V", "-R", "x", "-E", "y", "--rerun-failed", "--timeout", "3", "-j", "2"]
    assert only(words, ["test_a", "test_b"]) == ["-V", "--timeout", "3", "-j", "2", "-R", "^(test_a|test_b)$"]


def test_a_pattern_is_no_other_choice() -> None:
    assert choosers(["-R", "-L", "--tests-regex", "x", "-V"]) == []
    assert choosers(["-U", "-R", "x", "-L", "x"]) == ["-L", "-U"]


def test_each_turn_writes_files_of_its_own() -> None:
    words = ["-O", "a/log.txt", "-V", "--output-junit", "gated.xml", "-R", "-O"]
    assert with_own_files(words, "l2") == ["-O", "a/log-l2.txt", "-V", "--output-junit", "gated-l2.xml", "-R", "-O"]
