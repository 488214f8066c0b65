from pathlib import Path

from pinbench.harness.launch.evidence import count_oom_kills, last_lines, oom_evidence


def test_the_kernels_count_of_oom_kills_is_read(tmp_path: Path) -> None:
    (tmp_path / "vmstat").write_text("pgfault 12\noom_kill 3\ndrop_pagecache 0\n")
    assert count_oom_kills(tmp_path) == 3


def test_a_kernel_without_the_count_says_nothing(tmp_path: Path) -> None:
    assert count_oom_kills(tmp_path) is None
    (tmp_path / "vmstat").write_text("pgfault 12\n")
    assert count_oom_kills(tmp_path) is None


def test_memory_is_blamed_only_when_the_count_rose() -> None:
    assert oom_evidence(3, 4) == "likely out of memory (oom_kill in /proc/vmstat rose from 3 to 4 meanwhile)"
    assert oom_evidence(3, 3) is None
    assert oom_evidence(None, 3) is None
    assert oom_evidence(3, None) is None


def test_the_last_three_lines_are_joined_and_blank_ones_left_out(tmp_path: Path) -> None:
    log = tmp_path / "stderr.log"
    log.write_text("x" * 10_000 + "\none\n\n  two  \nthree\n\n")
    assert last_lines(log) == "one | two | three"


def test_an_empty_or_absent_log_has_no_last_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "absent") is None
    (tmp_path / "empty").write_text("\n \n")
    assert last_lines(tmp_path / "empty") is None
