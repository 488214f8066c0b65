from pathlib import Path

from pinbench.contract.case import Isa, Precision
from pinbench.harness.host.facts import read_facts
from pinbench.harness.plan.threads import SCRUBBED_PREFIXES, environment


def test_one_thread_stands_on_each_cpu_in_the_order_given(machine, case):
    env = environment(case(), read_facts(machine("vm-interleaved")), cpus=(0, 2, 4), allocator=None)
    assert env["OMP_NUM_THREADS"] == env["MKL_NUM_THREADS"] == "3"
    assert env["OMP_PLACES"] == "{0},{2},{4}"
    assert env["OMP_PROC_BIND"] == "close"


def test_no_rival_of_the_standard_binding_is_set(machine, case):
    env = environment(case(), read_facts(machine("vm-interleaved")), cpus=(0,), allocator=None)
    assert not {"KMP_AFFINITY", "GOMP_CPU_AFFINITY"} & set(env)


def test_avx_labels_are_kept_from_amx_in_both_libraries(machine, case):
    xeon = read_facts(machine("xeon-2s-snc4"))
    env = environment(case(precision=Precision.BFLOAT16), xeon, (0,), None)
    assert env["ONEDNN_MAX_CPU_ISA"] == "AVX512_CORE_BF16"
    assert env["MKL_ENABLE_INSTRUCTIONS"] == "AVX512_E3"
    amx = environment(case(isa=Isa.AMX, precision=Precision.BFLOAT16), xeon, (0,), None)
    assert not {"ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS"} & set(amx)


def test_a_threshold_of_pytorch_is_handed_on_under_its_own_name(machine, case):
    facts = read_facts(machine("graviton3"))
    env = environment(case(own={"TORCH_MKLDNN_MATMUL_MIN_DIM": 64, "TABLE_ROWS": 5}), facts, (0,), None)
    assert env["TORCH_MKLDNN_MATMUL_MIN_DIM"] == "64"
    assert "TABLE_ROWS" not in env
    assert "TORCH_MKLDNN_MATMUL_MIN_DIM" not in environment(case(), facts, (0,), None)


def test_onednn_is_verbose_only_when_asked(machine, case):
    facts = read_facts(machine("firecracker"))
    assert "ONEDNN_VERBOSE" not in environment(case(), facts, (0,), None)
    assert environment(case(onednn_verbose=2), facts, (0,), None)["ONEDNN_VERBOSE"] == "2"


def test_the_c_librarys_heap_keeps_its_pages(machine, case):
    env = environment(case(), read_facts(machine("firecracker")), (0,), None)
    assert (env["MALLOC_MMAP_MAX_"], env["MALLOC_TRIM_THRESHOLD_"]) == ("0", str(1 << 40))
    assert "LD_PRELOAD" not in env


def test_another_allocator_is_preloaded_with_its_own_settings_alone(machine, case):
    facts = read_facts(machine("firecracker"))
    env = environment(case(allocator="jemalloc"), facts, (0,), Path("/usr/lib/libjemalloc.so.2"))
    assert env["LD_PRELOAD"] == "/usr/lib/libjemalloc.so.2"
    assert [name for name in env if name.startswith(("MALLOC", "TCMALLOC"))] == ["MALLOC_CONF"]
    env = environment(case(allocator="tcmalloc"), facts, (0,), Path("/usr/lib/libtcmalloc_minimal.so.4"))
    assert [name for name in env if name.startswith(("MALLOC", "TCMALLOC"))] == ["TCMALLOC_RELEASE_RATE"]


def test_whatever_is_set_for_an_instance_is_kept_from_the_users_shell(machine, case):
    env = environment(
        case(precision=Precision.BFLOAT16, onednn_verbose=1, allocator="jemalloc"),
        read_facts(machine("xeon-2s-snc4")),
        (0, 1),
        Path("/x"),
    )
    assert [name for name in env if not name.startswith(SCRUBBED_PREFIXES)] == []
