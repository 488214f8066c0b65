"""Caches and frequency as /sys tells them, in a tree of files made here."""

from pinbench.harness.host.caches import read_caches, read_max_frequency

_CPU0 = "sys/devices/system/cpu/cpu0"


def cache(root, index, level, kind, size):
    folder = root / _CPU0 / "cache" / f"index{index}"
    folder.mkdir(parents=True)
    for name, text in (("level", level), ("type", kind), ("size", size)):
        (folder / name).write_text(f"{text}\n")


def test_caches_are_told_in_the_kernels_order(tmp_path):
    cache(tmp_path, 0, 1, "Data", "48K")
    cache(tmp_path, 1, 1, "Instruction", "32K")
    cache(tmp_path, 2, 2, "Unified", "2048K")
    assert read_caches(tmp_path) == "L1d 48.0 KiB, L1i 32.0 KiB, L2 2.0 MiB"


def test_a_host_that_does_not_tell_is_none(tmp_path):
    assert read_caches(tmp_path) is None
    assert read_max_frequency(tmp_path) is None


def test_the_frequency_is_in_mhz(tmp_path):
    folder = tmp_path / _CPU0 / "cpufreq"
    folder.mkdir(parents=True)
    (folder / "cpuinfo_max_freq").write_text("3500000\n")
    assert read_max_frequency(tmp_path) == "3500 MHz"
