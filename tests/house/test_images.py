"""The Dockerfiles as they stand: everything pinned, nobody root, the names that users of such suites know."""

import re
import shlex
from dataclasses import replace

import pytest
from documents import ROOT

from pinbench.harness.case.catalog import cases
from pinbench.harness.case.image import image_name
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import workload_folders
from pinbench.harness.case.workload import load_workload
from pinbench.harness.image.bom import unused
from pinbench.harness.image.chain import chain, shared_images
from pinbench.harness.image.dockerfile import parse_image, read_images
from pinbench.harness.image.pins import unpinned, unpinned_words

_SHARED = shared_images(ROOT / "docker")
_OWN = {folder.name: read_images(folder) for folder in workload_folders()}
_ALL = [*_SHARED.values(), *(image for images in _OWN.values() for image in images)]
_NAMES = [image.name for image in _ALL]
_UNTRUSTED = ("curl", "wget", "git clone", "npm", "apt-get install")
# The names in the documents of the suites that this one follows.
_SEEDS = {
    "DLRM-PyTorch-Xeon-Public": {
        "dlrm-pytorch-dataset-24.04",
        "dlrm-pytorch-model-24.04",
        "dlrm-pytorch-benchmark-24.04",
        "dlrm-pytorch-intel-public-inference-24.04",
        "dlrm-pytorch-intel-public-inference-accuracy-24.04",
    },
    "DLRMv2-PyTorch-ARM": {"dlrmv2-pytorch-arm-public"},
    "BERTLarge-PyTorch-ARM": {"bertlarge-pytorch-arm-public"},
}


@pytest.fixture(params=_ALL, ids=_NAMES)
def image(request):
    return request.param


def test_everything_from_outside_is_pinned(image):
    assert list(unpinned(image, _NAMES)) == []


def test_every_ingredient_is_used(image):
    assert list(unused(image)) == []


@pytest.mark.parametrize(
    ("what", "instead"),
    [
        ("FROM ${DEBIAN_IMAGE}", "FROM debian:bookworm-slim"),
        ("python3=${PYTHON3_VER}", "python3"),
        ("USER 10001:10001", "RUN pip install torch\nUSER 10001:10001"),
        ("USER 10001:10001", "RUN curl -O https://example.org/x\nUSER 10001:10001"),
    ],
)
def test_what_becomes_unpinned_in_a_file_of_ours_is_found(what, instead):
    path = ROOT / "docker/base/Dockerfile.9.base"
    text = path.read_text()
    assert what in text
    assert len(list(unpinned(parse_image(text.replace(what, instead), path, 9), _NAMES))) == 1


def test_the_scripts_of_builds_pin_as_well():
    for path in (ROOT / "script/image").iterdir():
        if path.suffix == ".py" or not path.is_file() or path.name == "apt-install":
            continue  # pip_install.py and apt-install: their tests show that they refuse what is not pinned
        lines = [line for line in path.read_text().splitlines() if any(word in line for word in _UNTRUSTED)]
        assert [why for line in lines if not line.startswith("#") for why in unpinned_words(line)] == [], path


def test_every_workload_has_a_chain_of_its_own():
    for folder, images in _OWN.items():
        assert images, f"{folder} has no Dockerfile"
        order = [one.name for one in chain(images, _SHARED)]
        assert order.index("pinbench-base") < order.index(images[-1].name)
        assert any(one.number == 1 and not one.is_local for one in images), f"{folder} has no runner to publish"


@pytest.mark.parametrize("folder", _SEEDS)
def test_images_have_the_names_that_users_know(folder):
    assert _SEEDS[folder] <= {one.name for one in _OWN[folder]}


def test_the_image_that_a_case_asks_for_is_built():
    platforms = load_platforms()
    for folder in workload_folders():
        workload = load_workload(folder)
        for platform in (platforms.resolve("SPR"), platforms.resolve("ARMv9")):
            wanted = {image_name(workload, case) for case in cases(workload, platform)}
            assert wanted <= {one.name for one in _OWN[folder.name] if not one.is_local}, folder.name


def test_two_workloads_do_not_share_a_name():
    assert len(set(_NAMES)) == len(_NAMES)


def test_data_sets_and_weights_are_never_published():
    assert [one.name for one in _ALL if one.number in (3, 4) and not one.is_local] == []


def test_nothing_runs_as_root_where_it_ends():
    for one in _ALL:
        stages = re.split(r"(?m)^FROM ", one.path.read_text())[1:]
        for stage in stages:
            users = re.findall(r"(?m)^USER (\S+)", stage)
            assert not users or users[-1] == "10001:10001", one.path


def test_a_runner_begins_with_a_user_that_is_not_root():
    for images in _OWN.values():
        for one in (image for image in images if image.number == 1):
            (begun,) = [name for name in ("pinbench-runner", "pinbench-runner-cuda") if name in one.arguments.values()]
            base = _SHARED[begun]
            assert [i.text for i in base.instructions if i.word == "USER"][-1] == "10001:10001"
            assert [i.text for i in base.instructions if i.word == "ENTRYPOINT"] == [
                '["/opt/pinbench/script/image/entry"]'
            ]
            assert any(i.word == "HEALTHCHECK" for i in base.instructions)
            (env,) = [i.text for i in one.instructions if i.word == "ENV"]
            assert f"PINBENCH_WORKLOAD={one.path.parent.name}" in shlex.split(env)


def test_no_compiler_is_in_a_runner():
    for name in ("pinbench-runner", "pinbench-torch", "pinbench-base"):
        final = _SHARED[name].path.read_text().rpartition("\nFROM ")[2]
        assert "g++" not in final


def test_secrets_are_mounted_and_never_copied(image):
    for one in image.instructions:
        if one.word in ("COPY", "ADD", "ENV", "ARG"):
            assert not re.search(r"pip\.conf|ca\.crt|sources\.list|apt\.conf|proxy|PASSWORD|TOKEN", one.text), one


def test_a_file_that_mounts_its_context_asks_for_its_state(image):
    text = image.path.read_text()
    if image.context and "type=bind,target=" in text:
        assert "ARG CONTEXT_STATE" in text
        assert text.index("ARG CONTEXT_STATE") < text.index("${CONTEXT_STATE}")


def test_all_chains_are_found_when_an_accelerators_runner_is_chosen():
    given = {"RUNNER_IMAGE": "pinbench-runner-npu", "CANN_IMAGE": "x@sha256:" + "0" * 64}
    images = [replace(one, given=given) for one in _OWN["DLRM-PyTorch-Ascend"]]
    shared = {name: replace(one, given=given) for name, one in _SHARED.items()}
    assert "pinbench-torch-npu" in [one.name for one in chain(images, shared)]


def test_every_image_stands_in_the_readme_of_its_place():
    for one in _ALL:
        folder = one.path.parent
        readme = folder / "README.md" if folder.parent.name == "workload" else ROOT / "docker" / "README.md"
        assert f"| `{one.name}` |" in readme.read_text(), one.name
