from pathlib import Path

import pytest

from pinbench.base.errors import ExitCode, HostError, UsageError
from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.workload import load_workload

PREFIX = "dlrm_pytorch_xeon_public"
NAME = f"{PREFIX}_inference_throughput_avx_fp32"
HERE = Path("/home/user")


@pytest.fixture
def change(dlrm, tmp_path):
    """Apply what a user writes to a case of DLRM; `config` is the text of the file."""

    def apply(*assignments, name=NAME, config=None, **environment):
        path = None
        if config is not None:
            path = tmp_path / "config.yaml"
            path.write_text(config)
        return customise(
            dlrm,
            find_case(dlrm, name),
            environment=environment,
            config=path,
            assignments=assignments,
            directory=HERE,
        )

    return apply


def test_nothing_asked_leaves_the_case_as_declared(dlrm, change):
    assert change() == find_case(dlrm, NAME)


def test_set_changes_the_knob_and_the_name_that_is_shown(change):
    case = change("BATCH_SIZE=128", "MAX_IND_RANGE=1000")
    assert case.knobs.batch_size == 128
    assert case.knobs.own["MAX_IND_RANGE"] == 1000
    assert case.overrides == ("BATCH_SIZE", "MAX_IND_RANGE")
    assert case.display_name == f"{NAME}_customized"


def test_a_value_equal_to_the_declared_one_is_no_override(change):
    case = change("BATCH_SIZE=1", "MIN_DURATION=20", "WEIGHT_SHARING=True", "CORES_PER_INSTANCE=", STEPS="200")
    assert case.overrides == ()


def test_environment_config_and_set_win_in_this_order(change):
    config = '"*": {STEPS: 20, BATCH_SIZE: 20, SEED: 20}'
    case = change("SEED=30", config=config, STEPS="10", BATCH_SIZE="10", ONEDNN_VERBOSE="1")
    knobs = case.knobs
    assert (knobs.onednn_verbose, knobs.steps, knobs.batch_size, knobs.seed) == (1, 20, 20, 30)


def test_of_two_sets_of_the_same_name_the_last_one_wins(change):
    assert change("STEPS=7", "STEPS=9").knobs.steps == 9


def test_a_set_back_to_the_declared_value_undoes_the_environment(change):
    assert change("STEPS=200", STEPS="7").overrides == ()


def test_other_variables_of_the_environment_and_empty_ones_are_nobodys_business(change):
    assert change(PATH="/bin", HOME="/root", STEP="7", BATCH_SIZE="", LC_ALL="C").overrides == ()


def test_a_relative_data_set_starts_from_the_users_directory(change):
    case = change("DATA_TYPE=real", "DATASET_DIR=criteo")
    assert case.knobs.dataset_dir == "/home/user/criteo"
    assert case.knobs.data_type == "real"


def test_a_config_section_is_a_glob_of_test_names(change):
    config = """
"*_pkm": {STEPS: 7}
"test_*_gated": {STEPS: 8}
"dlrm*": {STEPS: 9}  # without test_ in front it fits nothing
"test_bert*": {MAX_SEQ_LENGTH: 384}
"""
    assert change(config=config, name=f"{NAME}_pkm").knobs.steps == 7
    assert change(config=config, name=f"{NAME}_gated").knobs.steps == 8
    assert change(config=config).overrides == ()


def test_of_two_sections_that_fit_the_later_one_wins(change):
    assert change(config='"*": {STEPS: 1}\n"*_avx_fp32": {STEPS: 2}').knobs.steps == 2


@pytest.mark.parametrize("key", ["DLRM-PyTorch-Xeon-Public__STEPS", "DLRM_PyTorch_Xeon_Public__STEPS"])
def test_a_key_with_the_workload_in_front_speaks_to_it(change, key):
    assert change(config=f'"*": {{{key}: 7}}').knobs.steps == 7
    assert change(f"{key}=8").knobs.steps == 8


def test_a_key_of_another_workload_is_left_alone(change):
    assert change(config='"*": {dummy__STEPS: 7, dummy__BEHAVIOUR: crash}').overrides == ()


def test_an_empty_config_changes_nothing(change):
    assert change(config="# nothing yet\n").overrides == ()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("BATCH_SIZE=0", "BATCH_SIZE must be a whole number from 1 to 1048576, got '0' (--set)"),
        ("BATCH_SIZE=abc", "BATCH_SIZE must be a whole number from 1 to 1048576, got 'abc' (--set)"),
        ("BATCH_SIZE=$(touch x)", "BATCH_SIZE must be a whole number from 1 to 1048576, got '$(touch x)' (--set)"),
        ("STEPS=-1", "STEPS must be a whole number of at least 1, got '-1' (--set)"),
        ("WEIGHT_SHARING=maybe", "WEIGHT_SHARING must be True or False, got 'maybe' (--set)"),
        ("ENGINE=caffe", "ENGINE must be one of eager, pinned, inductor, ipex, onnxruntime, openvino, zentorch, got "),
        ("TORCH_TYPE=caffe", ", got 'caffe' (as TORCH_TYPE, --set)"),
        ("TORCH_TYP=IPEX", "no parameter 'TORCH_TYP'; did you mean TORCH_TYPE?"),
        ("BATCHSIZE=4", "DLRM-PyTorch-Xeon-Public has no parameter 'BATCHSIZE'; did you mean BATCH_SIZE?"),
        ("QUUX=4", "--set: DLRM-PyTorch-Xeon-Public has no parameter 'QUUX'"),
        ("BATCH_SIZE", "--set takes NAME=VALUE, got 'BATCH_SIZE'"),
        ("dumy__STEPS=4", "no workload named 'dumy'; did you mean dummy?"),
        ("DATA_TYPE=real", "DATA_TYPE=real with DATASET_DIR=: real samples come from a prepared data set"),
        ("DATASET_DIR=/d", "DATA_TYPE=synthetic with DATASET_DIR=/d: a data set is read with DATA_TYPE=real only"),
        ("DATA_THREADS=4", "DATA_THREADS=4 with DATA_LOADING=ready: these threads read ahead while steps run"),
        ("DATA_TYPE=dummy", "DATA_TYPE must be one of synthetic, real, got 'dummy' (--set)"),
    ],
)
def test_a_mistake_is_one_line_that_names_it_and_the_way_out(change, assignment, message):
    with pytest.raises(UsageError) as error:
        change(assignment)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_parameter_that_has_no_use_with_the_others_is_refused_only_when_it_was_changed(change):
    real = ("DATA_TYPE=real", "DATASET_DIR=/d")
    with pytest.raises(UsageError, match=r"^INDEX_ALPHA=1\.2 with DATA_TYPE=real: .*; leave INDEX_ALPHA out$"):
        change(*real, "INDEX_ALPHA=1.2")
    assert change(*real, "INDEX_ALPHA=1.05").overrides == ("DATA_TYPE", "DATASET_DIR")
    assert change("INDEX_ALPHA=1.2").overrides == ("INDEX_ALPHA",)


@pytest.mark.parametrize(
    ("word", "engine"),
    [
        ("IPEX", "ipex"), ("ipex", "ipex"), ("COMPILE-INDUCTOR", "inductor"), ("compile-inductor", "inductor"),
        ("Compile-OpenVINO", "openvino"), ("COMPILE-OPENVINO", "openvino"), ("Eager", "eager"),
        ("onnxruntime", "onnxruntime"),
    ],
)  # fmt: skip
def test_wsfs_torch_type_and_its_words_choose_the_engine_in_any_case(change, word, engine):
    assert change(f"TORCH_TYPE={word}").knobs.engine == engine
    assert change(f"ENGINE={word}").knobs.engine == engine
    assert change(TORCH_TYPE=word).knobs.engine == engine
    assert change(config=f'"*": {{TORCH_TYPE: {word}}}').knobs.engine == engine


def test_both_names_may_say_the_same_and_the_override_has_the_parameters_own_name(change):
    case = change("ENGINE=ipex", TORCH_TYPE="IPEX")
    assert (case.knobs.engine, case.overrides) == ("ipex", ("ENGINE",))


def test_two_names_that_contradict_each_other_are_refused_in_one_line(change):
    message = (
        r"^ENGINE=ipex \(as TORCH_TYPE, environment\) contradicts ENGINE=openvino \(--set\): "
        r"both names mean the same parameter; give one of them$"
    )
    with pytest.raises(UsageError, match=message):
        change("ENGINE=openvino", TORCH_TYPE="IPEX")
    with pytest.raises(UsageError, match=r"ENGINE=eager \(--set\) contradicts ENGINE=ipex \(as TORCH_TYPE, --set\)"):
        change("ENGINE=eager", "TORCH_TYPE=IPEX")


ACCURACY = f"{PREFIX}_inference_accuracy_avx_fp32"


def test_an_accuracy_case_without_a_data_set_is_skipped_and_says_what_to_set(change):
    with pytest.raises(
        HostError, match=r"set DATASET_DIR to .*`script/pinbench data synthetic --format mlperf"
    ) as error:
        change(name=ACCURACY)
    assert error.value.exit_code == ExitCode.SKIPPED
    assert "\n" not in str(error.value)


def test_an_accuracy_case_needs_nothing_but_a_data_set_and_takes_all_of_its_rows_once(change):
    knobs = change("DATASET_DIR=/d", name=ACCURACY).knobs
    assert (knobs.data_type, knobs.batch_size, knobs.instances) == ("real", 100, 1)
    assert (knobs.steps, knobs.min_duration_s, knobs.own["DATA_LOADING"]) == (None, 0.0, "end_to_end")
    gated = change("DATASET_DIR=/d", name=f"{ACCURACY}_gated").knobs
    assert (gated.steps, gated.min_duration_s) == (1000, 0.0)
    assert change("DATASET_DIR=/d", "STEPS=7", name=ACCURACY).knobs.steps == 7
    assert change("DATASET_DIR=/d", "STEPS=", name=f"{ACCURACY}_gated").knobs.steps is None


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("DATA_TYPE=synthetic", "made-up samples have no true labels"),
        ("INSTANCE_NUMBER=2", "one instance computes them all; leave INSTANCE_NUMBER out"),
        ("MIN_DURATION=5", "leave MIN_DURATION out, STEPS takes fewer rows"),
        ("DATA_LOADING=ready", "would not all fit in memory; leave DATA_LOADING out"),
    ],
)
def test_what_accuracy_has_no_use_for_is_refused(change, assignment, message):
    with pytest.raises(UsageError, match=message):
        change("DATASET_DIR=/d", assignment, name=ACCURACY)


def test_made_up_samples_are_refused_rather_than_skipped(change):
    with pytest.raises(UsageError, match="MODE=accuracy with DATA_TYPE=synthetic: made-up samples have no true labels"):
        change("DATA_TYPE=synthetic", name=ACCURACY)


def test_a_precision_that_does_not_exist_lists_those_that_do(change):
    with pytest.raises(UsageError, match=r"PRECISION must be one of avx_int8, .*, got 'fp12' \(environment\)"):
        change(PRECISION="fp12")


def test_a_dimension_that_agrees_with_the_name_is_no_override(change):
    assert change(PRECISION="avx_fp32", MODE="throughput", FUNCTION="inference").overrides == ()


def test_a_dimension_that_contradicts_the_name_points_to_the_right_case(change):
    with pytest.raises(UsageError) as error:
        change("PRECISION=avx_bfloat16", MODE="latency")
    assert str(error.value) == (
        f"MODE=latency (environment) contradicts the case {NAME}; "
        f"run test_{PREFIX}_inference_latency_avx_bfloat16 instead"
    )


def test_a_dimension_whose_case_is_another_one_names_that(change):
    with pytest.raises(UsageError, match=r"FUNCTION=training \(--set\) contradicts .*; run test_\w+_training_"):
        change("FUNCTION=training")


def test_a_dimension_whose_case_is_not_built_yet_says_so(miniature, tmp_path):
    workload = load_workload(miniature("  MODE: [throughput, latency]\n", "  MODE: [throughput]\n"))
    case = find_case(workload, "mini_ature_throughput")
    with pytest.raises(UsageError, match="test_mini_ature_latency does not exist: MODE=latency is not built yet"):
        customise(workload, case, environment={}, config=None, assignments=("MODE=latency",), directory=tmp_path)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ('"*": {STEPZ: 1}', r"config.yaml: \*: DLRM-PyTorch-Xeon-Public has no parameter 'STEPZ'; did you mean STEPS"),
        ('"*": {STEPS: [1, 2]}', r"STEPS must be a whole number of at least 1, got \[1, 2\] \(.*config.yaml: \*\)"),
        ("STEPS: 7", "config.yaml: STEPS: expected KEY: value pairs, got 7"),
        ('"*": {STEPS: 1}\n"*": {STEPS: 2}', r"config.yaml, line 2: key '\*' stands here twice"),
        ("- STEPS", r"config.yaml: expected KEY: value pairs, got \['STEPS'\]"),
        ('"*": {DATASET_DIR: 2020-01-01}', "DATASET_DIR must be a path, got datetime.date"),
    ],
)
def test_a_mistake_in_a_config_file_names_the_file_and_the_section(change, config, message):
    with pytest.raises(UsageError, match=message):
        change(config=config)


def test_a_config_file_that_is_not_there_is_named(dlrm, tmp_path):
    with pytest.raises(UsageError, match=r"cannot read .*gone\.yaml"):
        customise(dlrm, find_case(dlrm, NAME), environment={}, config=tmp_path / "gone.yaml", directory=HERE)
