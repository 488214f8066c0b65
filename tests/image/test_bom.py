from dockerfiles import image

from pinbench.harness.image.bom import bom_lines, ingredients, unused

_TEXT = """# it
ARG DEBIAN_IMAGE=debian:12
FROM ${DEBIAN_IMAGE}
ARG A_VER=1.2
ARG B_REPO="https://example.org/a b"
ARG C_PKG=$(id)
ARG OTHER=9
ARG D_VERSION
ARG E_VER=3
ARG A_VER=1.2
RUN get ${A_VER} $B_REPO "${C_PKG}" $OTHER
"""


def test_the_bill_is_of_the_arguments_whose_names_say_so_each_once_and_as_written():
    found = {one.name: one.value for one in ingredients(image(_TEXT))}
    assert found == {
        "DEBIAN_IMAGE": "debian:12",
        "A_VER": "1.2",
        "B_REPO": "https://example.org/a b",
        "C_PKG": "$(id)",
        "E_VER": "3",
    }


def test_an_ingredient_that_nothing_uses_is_flagged():
    assert "ARG E_VER=3  # unused" in list(bom_lines(image(_TEXT), "it:v1"))
    (line,) = unused(image(_TEXT))
    assert line.startswith("/w/Dockerfile.1.a:9: ARG E_VER is not used")


def test_the_lines_begin_with_the_image():
    assert next(bom_lines(image(_TEXT), "r/it:v1")) == "# image: r/it:v1  (Dockerfile.1.a)"
