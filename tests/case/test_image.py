import re
from dataclasses import replace

import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.catalog import cases, find_case
from pinbench.harness.case.image import HostPath, host_paths, image_name
from pinbench.harness.case.override import customise
from pinbench.harness.case.platforms import load_platforms
from pinbench.harness.case.source import WORKLOAD_ROOT, workload_folders
from pinbench.harness.case.workload import Image, load_workload

DLRM = load_workload(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")


@pytest.mark.parametrize(
    ("case", "image"),
    [
        ("inference_throughput_avx_fp32", "dlrm-pytorch-intel-public-inference-24.04"),
        ("inference_latency_avx_int8_gated", "dlrm-pytorch-intel-public-inference-24.04"),
        ("inference_accuracy_avx_fp32", "dlrm-pytorch-intel-public-inference-accuracy-24.04"),
        ("training_accuracy_avx_fp32", "dlrm-pytorch-intel-public-training-24.04"),
    ],
)
def test_the_first_image_that_fits_runs_a_case(case, image):
    assert image_name(DLRM, find_case(DLRM, f"dlrm_pytorch_xeon_public_{case}")) == image


def test_a_workload_without_images_has_one_of_its_own_name():
    dummy = load_workload(WORKLOAD_ROOT / "dummy")
    assert image_name(dummy, find_case(dummy, "dummy_latency")) == "dummy"


def test_a_case_that_no_image_is_for_is_refused():
    only = replace(DLRM, images=(Image(name="x", when={"MODE": ("latency",)}),))
    with pytest.raises(UsageError, match="images: none is for dlrm_pytorch_xeon_public_inference_throughput"):
        image_name(only, find_case(DLRM, "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32"))


def test_an_image_may_only_be_chosen_by_what_there_is(tmp_path):
    text = (DLRM.folder / "workload.yaml").read_text()
    (tmp_path / "workload.yaml").write_text(text.replace("when: {FUNCTION: training}}", "when: {FUNCTION: trayning}}"))
    with pytest.raises(UsageError, match="images: FUNCTION: 'trayning' is not one of inference, training"):
        load_workload(tmp_path)


@pytest.mark.parametrize("folder", workload_folders(), ids=lambda folder: folder.name)
def test_the_images_of_a_workload_are_those_of_its_dockerfiles(folder):
    files = sorted(folder.glob("Dockerfile.[0-9].*"))
    if not files:
        pytest.skip("its images are not built from here")
    heads = ["\n".join(path.read_text().splitlines()[:2]) for path in files]
    final = {match[1] for head in heads if (match := re.search(r"^# (\S+)$", head, re.MULTILINE))}
    workload = load_workload(folder)
    assert {image.name for image in workload.images} <= final
    platforms = load_platforms().by_name.values()
    assert {image_name(workload, case) for platform in platforms for case in cases(workload, platform)} <= final


def test_paths_among_the_parameters_are_what_a_container_must_be_given():
    case = find_case(DLRM, "dlrm_pytorch_xeon_public_training_accuracy_avx_fp32")
    case = customise(
        DLRM, case, environment={}, assignments=["DATASET_DIR=/d", "CHECKPOINT_DIR=/c"], directory=DLRM.folder
    )
    assert set(host_paths(DLRM, case)) == {HostPath(path="/d", written=False), HostPath(path="/c", written=True)}
