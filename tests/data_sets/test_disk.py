from pinbench.worker.data.disk import disk_read_bytes


def test_the_kernel_s_account_is_read(tmp_path):
    account = tmp_path / "io"
    account.write_text("rchar: 7\nwchar: 1\nsyscr: 2\nread_bytes: 4096\nwrite_bytes: 9\n")
    assert disk_read_bytes(account) == 4096


def test_without_an_account_there_is_no_number(tmp_path):
    assert disk_read_bytes(tmp_path / "io") is None
    (tmp_path / "io").write_text("rchar: 7\n")
    assert disk_read_bytes(tmp_path / "io") is None
