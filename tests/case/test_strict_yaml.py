import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.strict_yaml import fields, read_yaml


def written(tmp_path, text):
    path = tmp_path / "some.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: key 'a' stands here twice"),
        ("x:\n  - {k: 1, k: 1}\n", "line 2: key 'k' stands here twice"),
        ("a: [1\nb: 2\n", "line 2:"),
        ("a: !!python/object/apply:os.system [id]\n", "line 1: could not determine a constructor"),
        ("a: \x00\n", "is not a YAML text"),
    ],
)
def test_a_broken_file_is_one_line_with_its_path_and_line(tmp_path, text, message):
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as error:
        read_yaml(path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*none\.yaml: No such file or directory"):
        read_yaml(tmp_path / "none.yaml")


def test_a_directory_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="Is a directory"):
        read_yaml(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"a: \xff\xfe")
    with pytest.raises(UsageError, match="is not a YAML text"):
        read_yaml(path)


def test_the_same_word_as_text_and_as_number_are_two_keys(tmp_path):
    assert read_yaml(written(tmp_path, "1: a\n'1': b\n")) == {1: "a", "1": "b"}


def test_a_key_that_nobody_reads_is_refused_with_the_nearest_one():
    with pytest.raises(UsageError, match=r"file: unknown key 'titles'; did you mean title\? \(known: title, help\)"):
        fields({"titles": 1}, "file", ("title",), ("help",))


def test_a_missing_key_and_a_list_in_place_of_pairs_are_refused():
    with pytest.raises(UsageError, match="file: key 'title' is missing"):
        fields({}, "file", ("title",))
    with pytest.raises(UsageError, match=r"file: expected KEY: value pairs, got \['title'\]"):
        fields(["title"], "file", ("title",))
    with pytest.raises(UsageError, match="file: key 7 is not a text; write it in quotes"):
        fields({7: 1}, "file", optional=None)
