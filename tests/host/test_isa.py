from dataclasses import replace

import pytest

from pinbench.base.errors import ExitCode, HostError, UsageError
from pinbench.contract.case import Case, Function, Isa, Knobs, Mode, Precision, Variant
from pinbench.harness.host.facts import read_facts
from pinbench.harness.host.isa import emulation, features, max_cpu_isa, require


def case(isa, precision):
    name = f"dlrm_inference_throughput_{isa}_{precision}"
    return Case(
        workload="DLRM", name=name, recipe="dlrm", function=Function.INFERENCE, mode=Mode.THROUGHPUT,
        isa=isa, precision=precision, variant=Variant.FULL,
        knobs=Knobs(batch_size=1, warmup_steps=0, steps=1, min_duration_s=0.0),
    )  # fmt: skip


ALL = [
    (isa, precision)
    for isa in Isa
    for precision in Precision
    if (isa, precision) != (Isa.AMX, Precision.FP32) and (isa is Isa.ANY or precision is not Precision.FP16)
]


def test_sapphire_rapids_runs_every_label(machine):
    facts = read_facts(machine("xeon-2s-snc4"))
    for isa, precision in ALL:
        require(case(isa, precision), facts)


def test_a_host_without_amx_refuses_with_what_runs_instead(machine):
    facts = read_facts(machine("firecracker"))
    with pytest.raises(HostError) as caught:
        require(case(Isa.AMX, Precision.BFLOAT16), facts)
    assert str(caught.value) == (
        "this host has no amx_tile and no amx_bf16 (x86_64, flags: avx2, avx512_bf16, avx512_vnni, avx512bw, avx512dq, "
        "avx512f, avx512vl); case dlrm_inference_throughput_amx_bfloat16 needs it. "
        "Pick one of: avx_fp32, avx_int8, avx_bfloat16, or set ALLOW_EMULATION=True to try it without speed"
    )
    assert caught.value.exit_code == ExitCode.SKIPPED


def test_ice_lake_has_int8_but_no_bfloat16(machine):
    facts = read_facts(machine("vm-interleaved"))
    require(case(Isa.AVX, Precision.INT8), facts)
    with pytest.raises(HostError, match="no avx512_bf16"):
        require(case(Isa.AVX, Precision.BFLOAT16), facts)


def test_either_kind_of_dot_product_will_do_for_int8(machine):
    facts = replace(read_facts(machine("firecracker")), flags=("avx2", "avx_vnni"))
    require(case(Isa.AVX, Precision.INT8), facts)


def test_arm_runs_labels_that_name_no_instruction_set_and_no_other(machine):
    facts = read_facts(machine("graviton3"))
    for precision in Precision:
        require(case(Isa.ANY, precision), facts)
    with pytest.raises(HostError, match=r"no avx2 \(aarch64, .*Pick a workload whose precisions name no instruction"):
        require(case(Isa.AVX, Precision.FP32), facts)


def test_a_precision_without_an_instruction_set_needs_what_its_architecture_has_for_it(machine):
    zen = replace(read_facts(machine("firecracker")), flags=("avx2",))
    require(case(Isa.ANY, Precision.FP32), zen)
    for precision in (Precision.BFLOAT16, Precision.BFLOAT32):
        with pytest.raises(
            HostError, match=r"no avx512_bf16 or bf16 \(x86_64.* needs it\. Set PRECISION to one of: fp32,"
        ):
            require(case(Isa.ANY, precision), zen)
        require(case(Isa.ANY, precision), read_facts(machine("firecracker")))
    n1 = replace(read_facts(machine("graviton3")), flags=("asimd", "asimddp"))
    with pytest.raises(HostError, match="no avx512_bf16 or bf16"):
        require(case(Isa.ANY, Precision.BFLOAT32), n1)


def test_a_label_that_no_processor_has_is_a_mistake_of_the_user(machine):
    with pytest.raises(UsageError, match="no processor has amx instructions for fp32"):
        require(case(Isa.AMX, Precision.FP32), read_facts(machine("xeon-2s-snc4")))


def test_features_keep_what_decides_about_arithmetic(machine):
    assert features(("fpu", "avx2", "amx_tile", "bf16"), "x86_64") == {"avx2", "amx_tile"}
    assert "bf16" in features(read_facts(machine("graviton3")).flags, "aarch64")


def test_avx_labels_are_kept_from_amx_only_where_there_is_some(machine):
    amx = read_facts(machine("xeon-2s-snc4"))
    assert max_cpu_isa(case(Isa.AVX, Precision.BFLOAT16), amx) == "AVX512_CORE_BF16"
    assert max_cpu_isa(case(Isa.AVX, Precision.INT8), amx) == "AVX512_CORE_FP16"
    assert max_cpu_isa(case(Isa.AVX, Precision.FP32), amx) == "AVX512_CORE_FP16"
    assert max_cpu_isa(case(Isa.AMX, Precision.BFLOAT16), amx) is None
    assert max_cpu_isa(case(Isa.ANY, Precision.BFLOAT16), amx) is None
    assert max_cpu_isa(case(Isa.AVX, Precision.BFLOAT16), read_facts(machine("firecracker"))) is None


def test_what_may_be_imitated_is_not_refused_and_named(machine):
    facts = read_facts(machine("firecracker"))
    allowed = case(Isa.AMX, Precision.INT8)
    allowed = replace(allowed, knobs=replace(allowed.knobs, allow_emulation=True))
    require(allowed, facts)
    assert emulation(allowed, facts) == "this host has no amx_tile and no amx_int8"
    assert emulation(case(Isa.AMX, Precision.INT8), facts) is None


def test_what_a_host_has_is_not_imitated(machine):
    facts = read_facts(machine("firecracker"))
    native = case(Isa.AVX, Precision.INT8)
    assert emulation(replace(native, knobs=replace(native.knobs, allow_emulation=True)), facts) is None
