from pinbench.harness.host.kernelfile import read_int, read_kb_table, read_text


def test_an_absent_file_and_a_directory_say_nothing(tmp_path):
    assert read_text(tmp_path / "absent") is None
    assert read_text(tmp_path) is None
    assert read_int(tmp_path / "absent") is None
    assert read_kb_table(tmp_path / "absent") is None


def test_a_number_is_one_only_when_the_file_holds_nothing_else(tmp_path):
    file = tmp_path / "value"
    for text, expected in (("42\n", 42), ("-1", -1), ("max", None), ("1 2", None), ("", None)):
        file.write_text(text)
        assert read_int(file) == expected


def test_meminfo_is_read_in_bytes_in_both_of_its_forms(tmp_path):
    file = tmp_path / "meminfo"
    file.write_text("Node 3 MemTotal:  100 kB\nNode 3 HugePages_Total:   7\nNode 3 Active(file):  2 kB\n")
    assert read_kb_table(file) == {"MemTotal": 102_400, "Active(file)": 2_048}
    file.write_text("MemTotal:       1 kB\n")
    assert read_kb_table(file) == {"MemTotal": 1_024}
