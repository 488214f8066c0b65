"""The cases of BERT-Large for Arm: the site in front, and what WSF's words for a precision mean."""

from pathlib import Path

import pytest

from pinbench.contract.case import Isa, Precision
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload

NAME = "bertlarge_pytorch_arm_throughput_pkm"


@pytest.fixture
def arm():
    return load_workload(WORKLOAD_ROOT / "BERTLarge-PyTorch-ARM")


@pytest.mark.parametrize("front", ["", "test_", "test_aws_", "test_azure_"])
def test_a_site_in_front_names_the_same_case_with_the_seeds_defaults(arm, front):
    case = find_case(arm, front + NAME)
    assert case.name == NAME
    assert (case.precision, case.knobs.batch_size, case.knobs.cores_per_instance) == (Precision.FP32, 1, 1)
    assert case.knobs.own["TORCH_MKLDNN_MATMUL_MIN_DIM"] == 1024


@pytest.mark.parametrize(
    ("written", "precision"),
    [
        ("FP32", Precision.FP32),
        ("BF16", Precision.BFLOAT32),  # oneDNN's fpmath mode, as in WSF and in DLRMv2 for Arm
        ("bfloat16", Precision.BFLOAT16),
        ("INT8", Precision.INT8),
    ],
)
def test_wsfs_words_mean_what_wsf_computes(arm, written, precision):
    case = customise(
        arm, find_case(arm, NAME), environment={}, assignments=[f"PRECISION={written}"], directory=Path("/")
    )
    assert (case.precision, case.isa) == (precision, Isa.ANY)
