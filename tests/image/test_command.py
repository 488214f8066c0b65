from dataclasses import replace
from pathlib import Path

import pytest
from dockerfiles import image

from pinbench.harness.image.command import Settings, build_argv, context, local_name, public_name, push_argv

_ROOT = Path("/w")
_BASE = image("## base\nFROM scratch", number=9)
_RUN = image("# run\nARG BASE_IMAGE=base\nARG G_VER=1\nARG CONTEXT_STATE\nFROM ${BASE_IMAGE}\nRUN ${G_VER}")
_IMAGES = {"base": _BASE, "run": _RUN}


def words(one, settings, tool="podman"):
    return build_argv(tool, one, _IMAGES, settings)


def test_the_command_is_complete_and_plain():
    settings = Settings(root=_ROOT, registry="r:5000/", release=":v1", revision="abc")
    assert words(_RUN, settings) == [
        "podman", "build", "--format=docker", "--file=/w/Dockerfile.1.a", "--tag=run:v1", "--tag=r:5000/run:v1",
        "--label=org.opencontainers.image.title=run", "--label=org.opencontainers.image.licenses=Apache-2.0",
        "--label=org.opencontainers.image.version=v1", "--label=org.opencontainers.image.revision=abc",
        "--build-arg=BASE_IMAGE=base:v1", "/w",
    ]  # fmt: skip


def test_an_image_that_stays_here_has_no_registry_and_no_label_that_changes_with_every_commit():
    settings = Settings(root=_ROOT, registry="r/", release=":v1", revision="abc")
    assert [word for word in words(_BASE, settings) if word.startswith("--tag")] == ["--tag=base:v1"]
    assert not any("revision" in word or "version" in word for word in words(_BASE, settings))
    assert public_name(_BASE, settings) == "base:v1"


def test_docker_has_no_word_for_the_format():
    assert "--format=docker" not in words(_RUN, Settings(root=_ROOT), "docker")
    assert "--format=docker" in words(_RUN, Settings(root=_ROOT), "/usr/bin/buildah")


def test_another_architectures_images_do_not_take_the_hosts_names():
    settings = Settings(root=_ROOT, platform="linux/arm64", is_foreign=True)
    assert local_name(_RUN, settings) == "run:latest-arm64"
    assert {"--platform=linux/arm64", "--build-arg=BASE_IMAGE=base:latest-arm64"} <= set(words(_RUN, settings))
    assert local_name(_RUN, replace(settings, is_foreign=False)) == "run:latest"


def test_a_build_argument_goes_to_the_images_that_declare_it():
    settings = Settings(root=_ROOT, build_arguments={"G_VER": "2"})
    assert "--build-arg=G_VER=2" in words(_RUN, settings)
    assert not any("G_VER" in word for word in words(_BASE, settings))


def test_an_image_from_outside_is_taken_as_it_is_named():
    given = {"BASE_IMAGE": "localhost/mine:v2"}
    one = replace(_RUN, given=given)
    assert "--build-arg=BASE_IMAGE=localhost/mine:v2" in words(one, Settings(root=_ROOT, build_arguments=given))


def test_proxies_are_named_and_their_values_stay_in_the_environment():
    settings = Settings(root=_ROOT, proxies=("http_proxy",), secrets={"pip.conf": Path("/x/pip.conf")})
    assert "--build-arg=http_proxy" in words(_RUN, settings)
    assert "--secret=id=pip.conf,src=/x/pip.conf" in words(_RUN, settings)


def test_a_context_is_the_users_or_that_of_the_file_or_the_checkout():
    own = image("# data\n# context: workload/W/dataset\nFROM scratch")
    assert context(own, Settings(root=_ROOT)) == Path("/w/workload/W/dataset")
    assert context(own, Settings(root=_ROOT, contexts={"data": Path("/x")})) == Path("/x")
    assert context(_RUN, Settings(root=_ROOT)) == _ROOT


def test_what_a_context_holds_is_told_to_the_file_that_asks():
    settings = Settings(root=_ROOT, context_states={"run": "1234", "base": "5678"})
    assert "--build-arg=CONTEXT_STATE=1234" in words(_RUN, settings)
    assert not any("5678" in word for word in words(_BASE, settings))


@pytest.mark.parametrize("tool", ["docker", "podman"])
def test_what_is_pushed_is_the_public_name(tool):
    assert push_argv(tool, _RUN, Settings(root=_ROOT, registry="r/")) == [tool, "push", "r/run:latest"]
