import pytest

from pinbench.harness.host.cards import has_card


@pytest.mark.parametrize(
    ("names", "found"),
    [([], False), (["nvidia0"], True), (["davinci3"], True), (["nvidiactl", "davinci_manager", "null"], False)],
)
def test_a_card_is_a_numbered_file_of_its_driver(tmp_path, names, found):
    for name in names:
        (tmp_path / name).touch()
    assert has_card(tmp_path) is found
