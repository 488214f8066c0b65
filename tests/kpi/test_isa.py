from dataclasses import replace

import pytest
from records import AMX_KERNEL, BF16_KERNEL, FP32_KERNEL, make_case, make_record, ok

from pinbench.base.errors import KpiError
from pinbench.contract.case import Isa, Precision
from pinbench.contract.result import IsaReadback, Kernel
from pinbench.harness.kpi.isa import require
from pinbench.harness.kpi.measurement import measurement

INT8_KERNEL = Kernel(
    primitive="inner_product", implementation="brgemm:avx512_core_vnni", types="src:u8 wei:s8 dst:f32", calls=8
)
REORDER = Kernel(primitive="reorder", implementation="jit:uni", types="src:f32 dst:bf16", calls=1)
# fp32 data under ONEDNN_DEFAULT_FPMATH_MODE=BF16, as oneDNN names it on AMX and without
BF32_KERNEL = replace(FP32_KERNEL, implementation="brg_matmul:avx512_core_amx")
CHAIN = Kernel(primitive="chain", implementation="pinbench:avx512_core", types="src:f32 wei:f32 dst:f32", calls=7)
BF16_CHAIN = replace(CHAIN, implementation="pinbench:avx512_core_bf16", types="src:bf16 wei:bf16 dst:bf16")
FP16_KERNEL = Kernel(primitive="matmul", implementation="pytorch:cuda", types="src:f16 wei:f16", calls=5)
LOOKUP = replace(CHAIN, primitive="lookup_dots", calls=1)
BF32_AVX_KERNEL = replace(FP32_KERNEL, implementation="brg_matmul:avx512_core_bf16")


def run(isa, precision, *kernels):
    case = make_case(isa=isa, precision=precision)
    require(measurement(make_record(ok(0, isa=IsaReadback(header=None, kernels=kernels)), case=case)))


@pytest.mark.parametrize(
    ("isa", "precision", "kernel"),
    [
        (Isa.AVX, Precision.FP32, FP32_KERNEL),
        (Isa.AVX, Precision.BFLOAT16, BF16_KERNEL),
        (Isa.AMX, Precision.BFLOAT16, AMX_KERNEL),
        (Isa.AVX, Precision.INT8, INT8_KERNEL),
        (Isa.AMX, Precision.BFLOAT32, BF32_KERNEL),
        (Isa.AVX, Precision.FP32, CHAIN),
        (Isa.AVX, Precision.BFLOAT16, BF16_CHAIN),
        (Isa.ANY, Precision.FP16, FP16_KERNEL),
    ],
)
def test_a_label_that_holds_is_accepted(isa, precision, kernel):
    run(isa, precision, kernel, REORDER)


@pytest.mark.parametrize(
    ("isa", "precision", "kernel", "reason"),
    [
        (Isa.AMX, Precision.BFLOAT16, BF16_KERNEL, "amx_bfloat16 needs AMX"),
        (Isa.AVX, Precision.BFLOAT16, AMX_KERNEL, "avx_bfloat16 excludes AMX"),
        (Isa.AVX, Precision.FP32, BF16_KERNEL, "avx_fp32 says fp32"),
        (Isa.AVX, Precision.FP32, INT8_KERNEL, "avx_fp32 says fp32"),
        (Isa.AVX, Precision.FP32, BF32_AVX_KERNEL, "avx_fp32 says fp32"),
        (Isa.AVX, Precision.BFLOAT16, FP32_KERNEL, "avx_bfloat16 says bfloat16"),
        (Isa.AVX, Precision.INT8, FP32_KERNEL, "avx_int8 says int8"),
        (Isa.AMX, Precision.BFLOAT32, AMX_KERNEL, "amx_bfloat32 says bfloat32"),
        (Isa.AMX, Precision.BFLOAT16, BF16_CHAIN, "amx_bfloat16 needs AMX"),
        (Isa.AVX, Precision.FP32, BF16_CHAIN, "avx_fp32 says fp32"),
        (Isa.AVX, Precision.BFLOAT16, CHAIN, "avx_bfloat16 says bfloat16"),
        (Isa.ANY, Precision.FP16, FP32_KERNEL, "fp16 says fp16"),
        (Isa.ANY, Precision.FP32, FP16_KERNEL, "fp32 says fp32"),
    ],
)
def test_a_label_that_reality_contradicts_is_refused_with_what_ran(isa, precision, kernel, reason):
    with pytest.raises(KpiError, match=reason) as error:
        run(isa, precision, kernel, REORDER)
    assert kernel.implementation in str(error.value)


def test_one_wrong_multiplication_is_enough_to_contradict_fp32():
    with pytest.raises(KpiError, match="says fp32"):
        run(Isa.AVX, Precision.FP32, replace(FP32_KERNEL, calls=99), replace(BF16_KERNEL, calls=1))


def test_a_low_precision_may_keep_a_layer_in_fp32_but_not_most():
    run(Isa.AVX, Precision.BFLOAT16, replace(BF16_KERNEL, calls=7), replace(FP32_KERNEL, calls=1))
    with pytest.raises(KpiError, match="says bfloat16"):
        run(Isa.AVX, Precision.BFLOAT16, replace(BF16_KERNEL, calls=4), replace(FP32_KERNEL, calls=4))


@pytest.mark.parametrize("kernels", [(), (REORDER,), (LOOKUP,)])
def test_a_model_that_never_multiplied_with_onednn_leaves_its_label_unproven(kernels):
    with pytest.raises(KpiError, match="the label avx_fp32 is unproven: instance 0 executed no matrix multiplication"):
        run(Isa.AVX, Precision.FP32, *kernels)


def test_a_model_without_any_readback_leaves_its_label_unproven():
    with pytest.raises(KpiError, match="unproven"):
        require(measurement(make_record(ok(0, isa=None))))


def test_the_instance_that_differs_is_named():
    wrong = IsaReadback(header=None, kernels=(BF16_KERNEL,))
    with pytest.raises(KpiError, match="instance 1 multiplied with"):
        require(measurement(make_record(ok(0), ok(1, isa=wrong))))


def test_fp32_without_an_isa_may_be_left_to_a_library_that_tells_nothing():
    run(Isa.ANY, Precision.FP32)
    with pytest.raises(KpiError, match="the label bfloat32 is unproven"):
        run(Isa.ANY, Precision.BFLOAT32)


# What the Arm Compute Library does for fp32 data where it may multiply bfloat16, and where it may not
ACL_KERNEL = replace(FP32_KERNEL, implementation="gemm:acl")
ACL_BF32_KERNEL = replace(ACL_KERNEL, types=f"{FP32_KERNEL.types} fpmath:bf16")


@pytest.mark.parametrize(
    ("precision", "kernel"),
    [
        (Precision.FP32, FP32_KERNEL),
        (Precision.FP32, ACL_KERNEL),
        (Precision.BFLOAT32, ACL_BF32_KERNEL),
        (Precision.BFLOAT32, BF32_AVX_KERNEL),
        (Precision.BFLOAT32, BF32_KERNEL),
        (Precision.BFLOAT16, BF16_KERNEL),
        (Precision.BFLOAT16, AMX_KERNEL),
    ],
)
def test_a_precision_without_an_isa_that_holds_is_accepted(precision, kernel):
    run(Isa.ANY, precision, kernel, REORDER)


@pytest.mark.parametrize(
    ("precision", "kernel"),
    [
        (Precision.FP32, ACL_BF32_KERNEL),  # what another suite runs under the label FP32
        (Precision.FP32, BF32_KERNEL),
        (Precision.FP32, BF16_KERNEL),
        (Precision.BFLOAT32, ACL_KERNEL),
        (Precision.BFLOAT32, replace(FP32_KERNEL, types=f"{FP32_KERNEL.types} fpmath:bf16")),  # allowed, not done
        (Precision.BFLOAT32, BF16_KERNEL),
        (Precision.BFLOAT16, FP32_KERNEL),
    ],
)
def test_a_precision_without_an_isa_that_reality_contradicts_is_refused(precision, kernel):
    with pytest.raises(KpiError, match=f"^{precision} says {precision}, but instance 0 multiplied with"):
        run(Isa.ANY, precision, kernel)


def test_a_dummy_without_model_and_readback_claims_nothing():
    require(measurement(make_record(ok(0, model=None, isa=None))))


def test_an_emulated_label_is_not_held_to_its_instructions_but_must_have_multiplied():
    case = make_case(isa=Isa.AMX, precision=Precision.INT8)
    record = make_record(ok(0, isa=IsaReadback(header=None, kernels=(FP32_KERNEL,))), case=case)
    assert record.plan is not None
    emulated = replace(record, plan=replace(record.plan, emulation="this host has no amx_tile"))
    require(measurement(emulated))
    with pytest.raises(KpiError, match="needs AMX"):
        require(measurement(record))
    nothing = replace(emulated, results=(ok(0, isa=IsaReadback(header=None, kernels=())),))
    with pytest.raises(KpiError, match="unproven"):
        require(measurement(nothing))
