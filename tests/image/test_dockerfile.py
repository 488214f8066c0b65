import pytest
from dockerfiles import image, write_files

from pinbench.base.errors import UsageError
from pinbench.harness.image.dockerfile import fill, read_images


def test_the_first_line_names_the_image_and_two_marks_keep_it_local():
    assert (image("# a-b_c.d\nFROM scratch").name, image("# a\nFROM scratch").is_local) == ("a-b_c.d", False)
    assert (image("## a\nFROM scratch").name, image("## a\nFROM scratch").is_local) == ("a", True)


@pytest.mark.parametrize(
    "first", ["FROM scratch", "#a", "### a", "# Name", "# two words", "# syntax=docker/dockerfile:1"]
)
def test_a_file_without_a_name_on_its_first_line_is_refused(first, tmp_path):
    folder = write_files(tmp_path, {"1.a": f"{first}\nFROM scratch\n"})
    with pytest.raises(UsageError, match=r"Dockerfile\.1\.a:1: the first line names the image"):
        read_images(folder)


def test_the_higher_number_comes_first_and_equal_ones_by_name(tmp_path):
    names = ("1.run", "3.model", "9.base", "1.accuracy", "2.benchmark")
    folder = write_files(tmp_path, {name: f"# {name[2:]}\nFROM scratch\n" for name in names})
    assert [one.name for one in read_images(folder)] == ["base", "model", "benchmark", "accuracy", "run"]


@pytest.mark.parametrize("name", ["base", "10.base", "x.base", "1."])
def test_a_file_without_a_place_in_the_chain_is_refused(name, tmp_path):
    folder = write_files(tmp_path, {name: "# a\nFROM scratch\n"})
    with pytest.raises(UsageError, match=r"is not Dockerfile\.<digit>\.<word>"):
        read_images(folder)


def test_two_files_of_one_name_are_refused(tmp_path):
    folder = write_files(tmp_path, {"1.x": "# a\nFROM scratch\n", "2.y": "## a\nFROM scratch\n"})
    with pytest.raises(UsageError, match=r"Dockerfile\.2\.y and Dockerfile\.1\.x both name the image a"):
        read_images(folder)


def test_lines_are_joined_and_comments_between_them_left_out():
    run = image("FROM scratch\nRUN one \\\n# why\n    two \\\n\n    three\nUSER 1").instructions[1]
    assert (run.word, run.text, run.line) == ("RUN", "one two three", 3)


def test_arguments_are_filled_in_one_by_the_other_and_what_is_given_wins():
    it = image('ARG A_VER=1\nARG B_PKG="x y=${A_VER}"\nARG NONE\nFROM scratch')
    assert it.arguments == {"A_VER": "1", "B_PKG": "x y=1"}
    assert it.declared == ("A_VER", "B_PKG", "NONE")


def test_filling_in_is_no_shell():
    assert fill("$A ${A} ${B:-x} $(echo A) `A`", {"A": "1"}) == "1 1 ${B:-x} $(echo A) `A`"


def test_the_second_line_may_choose_another_context():
    assert image("# a\n# context: workload/W/dataset\nFROM scratch").context == "workload/W/dataset"
    assert image("# a\n# a remark\nFROM scratch").context is None
