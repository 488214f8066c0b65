"""The interface that leads to an address, by the kernel's own routes."""

from pinbench.harness.host.interface import interface_to


def test_this_host_reaches_itself_by_its_loopback():
    assert interface_to("127.0.0.1") == "lo"
    assert interface_to("localhost") == "lo"


def test_an_address_of_the_internet_protocol_6_is_looked_up_in_the_kernels_table(tmp_path):
    table = tmp_path / "proc/net/if_inet6"
    table.parent.mkdir(parents=True)
    table.write_text(
        "fe800000000000000000000000000001 02 40 20 80     eth0\n"
        "00000000000000000000000000000001 01 80 10 80     lo7\n"
    )  # fmt: skip
    assert interface_to("::1", tmp_path) in ("lo7", None)  # None: a kernel without it
    assert interface_to("::1", tmp_path / "none") is None


def test_what_cannot_be_told_is_left_open():
    assert interface_to("no-such-host.invalid") is None
