import pytest

from pinbench.base.errors import UsageError
from pinbench.contract.case import Isa, Precision
from pinbench.harness.case.workload import load_workload, split_label

SEED_PARAMETERS = {
    "MODE", "PRECISION", "FUNCTION", "DATA_TYPE", "CASE_TYPE", "BATCH_SIZE", "WARMUP_STEPS", "STEPS",
    "CORES_PER_INSTANCE", "INSTANCE_NUMBER", "WEIGHT_SHARING", "ONEDNN_VERBOSE",
}  # fmt: skip


def test_dlrm_declares_every_parameter_of_its_seed(dlrm):
    assert set(dlrm.parameters) >= SEED_PARAMETERS
    assert dlrm.parameters["PRECISION"].choices == (
        "avx_int8",
        "avx_fp32",
        "avx_bfloat16",
        "amx_int8",
        "amx_bfloat16",
        "amx_bfloat32",
    )
    assert dlrm.parameters["MODE"].choices == ("throughput", "latency", "accuracy")


def test_each_parameter_has_one_line_of_help(dlrm, dummy):
    for workload in (dlrm, dummy):
        for parameter in workload.parameters.values():
            assert parameter.help
            assert "\n" not in parameter.help


def test_batch_size_has_the_defaults_of_the_seed(dlrm):
    batch_size = dlrm.parameters["BATCH_SIZE"]
    assert batch_size.default_for({"FUNCTION": "inference", "MODE": "throughput"}) == 1
    assert batch_size.default_for({"FUNCTION": "inference", "MODE": "accuracy"}) == 100
    assert batch_size.default_for({"FUNCTION": "training", "MODE": "throughput"}) == 1024


def test_the_tables_are_those_of_criteo_terabyte_capped_at_40_million(dlrm):
    rows = [int(size) for size in str(dlrm.parameters["ARCH_EMBEDDING_SIZE"].default).split("-")]
    assert len(rows) == 26
    assert sum(rows) == 187_767_399  # the rows of tb00_40M.pt
    assert max(rows) <= 40_000_000


def test_the_gated_model_fits_a_small_machine(dlrm):
    cap = dlrm.parameters["MAX_IND_RANGE"].default_for({"CASE_TYPE": "gated"})
    rows = [int(size) for size in str(dlrm.parameters["ARCH_EMBEDDING_SIZE"].default).split("-")]
    assert sum(min(size, cap) for size in rows) * 128 * 4 < 1 << 30


def test_a_label_has_an_instruction_set_and_a_number_format():
    assert split_label("amx_bfloat16") == (Isa.AMX, Precision.BFLOAT16)
    assert split_label("fp32") == (Isa.ANY, Precision.FP32)


def test_the_miniature_takes_its_prefix_from_the_folder_and_its_parameters_from_the_common_file(miniature):
    workload = load_workload(miniature())
    assert workload.prefix == "mini_ature"
    assert workload.parameters["STEPS"].default == 200


def test_an_own_default_replaces_the_common_ones_for_every_case(miniature):
    workload = load_workload(miniature("MIN_DURATION: {}", "MIN_DURATION: {default: 1}"))
    assert workload.parameters["MIN_DURATION"].default_for({"CASE_TYPE": "gated"}) == 1.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Miniature\n", "", "key 'title' is missing"),
        ("title: Miniature\n", "titlex: Miniature\n", "unknown key 'titlex'; did you mean title?"),
        ("title: Miniature", "title: [x]", "title: expected a text, got ['x']"),
        ("  STEPS: {}\n", "", "parameters: key 'STEPS' is missing"),
        ("  STEPS: {}", "  STEPS: {defaultx: 1}", "STEPS: unknown key 'defaultx'; did you mean default?"),
        ("  STEPS: {}", "  STEPS: {default: 0}", "STEPS must be a whole number of at least 1, got 0"),
        ("  STEPS: {}", "  STEPS: {default: null}", "a default of null needs 'absent'"),
        ("  STEPS: {}", "  STEPS: {type: float}", "leave it out here"),
        ("  STEPS: {}", "  STEPS: {}\n  OWN: {type: int, help: x}", "OWN: key 'default' is missing"),
        ("  STEPS: {}", "  STEPS: {}\n  OWN: {type: whole, help: x, default: 1}", "'whole' is not one of int, float"),
        ("  STEPS: {}", "  STEPS: {}\n  OWN: {type: choice, help: x, default: a}", "it needs them"),
        ("  STEPS: {}", "  STEPS: {}\n  OWN: {type: int, help: x, default: 1, min: a}", "expected a number, got 'a'"),
        (
            "  STEPS: {}",
            "  STEPS: {}\n  OWN: {type: choice, choices: [a], help: x, default: a, aliases: {A1: b}}",
            "OWN: aliases: 'b' is not one of a",
        ),
        (
            "  STEPS: {}",
            "  STEPS: {defaults: [{when: {MODE: fast}, value: 1}]}",
            "MODE: 'fast' is not one of throughput, latency",
        ),
        (
            "  STEPS: {}",
            "  STEPS: {defaults: [{when: {SEED: 1}, value: 1}]}",
            "unknown key 'SEED'",
        ),
        ("MODE: [throughput, latency]\n", "MODE: [throughput, accuracy]\n", "'accuracy' is not one of throughput"),
        ("MODE: [throughput, latency]\n", "MODE: [throughput, throughput]\n", "MODE: a value stands here twice"),
        ("dimensions: [MODE, CASE_TYPE]", "dimensions: [MODE]", "CASE_TYPE has several values in the matrix"),
        ("dimensions: [MODE, CASE_TYPE]", "dimensions: [MODE, SPEED]", "'SPEED' is not one of FUNCTION, MODE"),
        ("choices: [avx_fp32]", "choices: [avx_fp12]", "'fp12' is not a valid Precision"),
        ("choices: [inference]", "choices: [guessing]", "'guessing' is not a valid Function"),
        ("matrix:", "exclude: [{when: {MODE: latency}}]\nmatrix:", "key 'reason' is missing"),
        (
            "matrix:",
            "exclude: [{when: {MODE: latency}, changed: [SPEED], reason: x}]\nmatrix:",
            "exclude: changed: 'SPEED' is no parameter of this workload",
        ),
        (
            "matrix:",
            "exclude: [{when: {MODE: latency}, skips: 1, reason: x}]\nmatrix:",
            "exclude: skips: expected true or false, got 1",
        ),
        ("matrix:", "matrix: {}\nmatrix:", "key 'matrix' stands here twice"),
    ],
)
def test_a_slip_in_a_workload_file_is_named_with_its_place(miniature, old, new, message):
    folder = miniature(old, new)
    with pytest.raises(UsageError) as error:
        load_workload(folder)
    assert str(folder / "workload.yaml") in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_declaration_is_no_workload(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*/workload.yaml: No such file"):
        load_workload(tmp_path)
