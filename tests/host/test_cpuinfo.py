import pytest

from pinbench.harness.host.cpuinfo import read_cpuinfo


@pytest.fixture
def cpuinfo(tmp_path):
    def read(text):
        (tmp_path / "proc").mkdir(exist_ok=True)
        (tmp_path / "proc/cpuinfo").write_text(text)
        return read_cpuinfo(tmp_path)

    return read


def test_only_the_first_processor_counts(cpuinfo):
    info = cpuinfo("processor\t: 0\nmodel\t\t: 1\nflags\t: avx2\n\nprocessor\t: 1\nmodel\t\t: 2\nflags\t: sse2\n")
    assert (info.model, info.flags) == (1, ("avx2",))


def test_an_unknown_stepping_is_none(cpuinfo):
    assert cpuinfo("vendor_id\t: GenuineIntel\nstepping\t: unknown\n").stepping is None


def test_an_arm_part_without_a_name_keeps_its_number(cpuinfo):
    info = cpuinfo("Features\t: fp asimd\nCPU implementer\t: 0x99\nCPU part\t: 0xabc\n")
    assert (info.name, info.vendor, info.model) == (None, "0x99", 0xABC)


def test_microcode_is_looked_up_where_cpuinfo_leaves_it_out(cpuinfo, tmp_path):
    file = tmp_path / "sys/devices/system/cpu/cpu0/microcode/version"
    file.parent.mkdir(parents=True)
    file.write_text("0xd000390\n")
    assert cpuinfo("vendor_id\t: GenuineIntel\n").microcode == "0xd000390"
