import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.case.choice import chosen_name


def test_an_empty_environment_means_the_gated_case(dlrm, dummy):
    assert chosen_name(dlrm, {"PATH": "/bin"}) == "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"
    assert chosen_name(dummy, {}) == "dummy_throughput_gated"


def test_dimensions_choose_the_case_and_other_parameters_make_it_the_full_one(dlrm):
    environment = {"MODE": "latency", "PRECISION": "amx_bfloat16", "FUNCTION": "inference"}
    assert chosen_name(dlrm, environment) == "dlrm_pytorch_xeon_public_inference_latency_amx_bfloat16"
    assert chosen_name(dlrm, {"BATCH_SIZE": "16"}) == "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32"
    assert chosen_name(dlrm, {"CASE_TYPE": "pkm"}).endswith("_throughput_avx_fp32_pkm")


def test_a_value_that_is_none_is_refused_with_those_that_are(dlrm):
    with pytest.raises(UsageError, match=r"PRECISION=fp12 is not one of avx_int8, avx_fp32"):
        chosen_name(dlrm, {"PRECISION": "fp12"})
    with pytest.raises(UsageError, match=r"MODE=latancy is not one of .*did you mean latency"):
        chosen_name(dlrm, {"MODE": "latancy"})
