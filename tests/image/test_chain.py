from dataclasses import replace

import pytest
from dockerfiles import image, write_files

from pinbench.base.errors import UsageError
from pinbench.harness.image.chain import chain, needed_names, require_given, shared_images, taken_from, untagged
from pinbench.harness.image.dockerfile import read_images

_DIGEST = "@sha256:" + "0" * 64


def test_what_an_image_takes_from_is_built_before_it(tmp_path):
    shared = shared_images(
        write_files(tmp_path / "docker" / "base", {"9.base": f"## base\nFROM debian{_DIGEST}\n"}).parent
    ) | shared_images(
        write_files(
            tmp_path / "more" / "torch", {"7.torch": "## torch\nARG BASE_IMAGE=base\nFROM ${BASE_IMAGE}\n"}
        ).parent
    )
    own = write_files(
        tmp_path / "w",
        {
            "1.run": "# run\nFROM torch:latest\nCOPY --from=data / /data\n",
            "4.data": "## data\nFROM base AS make\nFROM scratch\nCOPY --from=make /x /x\n",
            "2.more": "# more\nFROM scratch\n",
        },
    )
    assert [one.name for one in chain(read_images(own), shared)] == ["base", "data", "more", "torch", "run"]


def test_an_image_that_needs_a_later_one_is_refused_with_the_way_out(tmp_path):
    own = write_files(tmp_path, {"2.a": "# a\nFROM b\n", "1.b": "# b\nFROM scratch\n"})
    with pytest.raises(UsageError, match=r"takes from b, which Dockerfile\.1\.b builds later; give it a higher number"):
        chain(read_images(own), {})


def test_a_circle_of_shared_images_is_refused():
    shared = {"a": image("## a\nFROM b"), "b": image("## b\nFROM a")}
    with pytest.raises(UsageError, match="in a circle: run <- a <- b <- a"):
        chain([image("# run\nFROM a")], shared)


def test_two_shared_images_of_one_name_are_refused(tmp_path):
    for part in ("x", "y"):
        write_files(tmp_path / part, {f"9.{part}": "## same\nFROM scratch\n"})
    with pytest.raises(UsageError, match="both name the image same"):
        shared_images(tmp_path)


def test_stages_scratch_and_pinned_images_are_not_needed_and_mounts_are():
    it = image(
        f"ARG W_IMAGE=wheels\nFROM ${{W_IMAGE}} AS w\nFROM --platform=linux/amd64 x{_DIGEST} AS y\nFROM scratch AS z\n"
        "RUN --mount=type=bind,from=w,target=/w --mount=type=bind,target=/b,from=tools true\nCOPY --from=y /a /b\n"
        "COPY --from=other:v1 /a /b"
    )
    assert needed_names(it) == ("wheels", "tools", "other")
    assert [name for name, _ in taken_from(it)] == ["wheels", f"x{_DIGEST}", "tools", "other:v1"]


def test_a_given_argument_changes_what_is_needed():
    it = image("ARG RUNNER_IMAGE=cpu\nFROM ${RUNNER_IMAGE}")
    assert needed_names(replace(it, given={"RUNNER_IMAGE": "cuda"})) == ("cuda",)


def test_an_image_that_must_be_given_says_how():
    it = image("ARG CANN_IMAGE\nFROM ${CANN_IMAGE}")
    with pytest.raises(UsageError, match=r"CANN_IMAGE has no default; give --build-arg CANN_IMAGE=IMAGE@sha256"):
        require_given(it)
    require_given(replace(it, given={"CANN_IMAGE": "x"}))


def test_a_port_is_no_tag():
    assert untagged("r:5000/a/b:v1") == "r:5000/a/b"
    assert untagged("r:5000/a") == "r:5000/a"
