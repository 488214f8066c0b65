import shlex

import pytest
import yaml
from records import make_case

from pinbench.harness.record.workload_config import Settings, overrides_config, workload_config

COMMAND = ("./ctest.sh", "--set", "DATASET_DIR=/data/with space", "-R", "^test_x$")


class StrictLoader(yaml.SafeLoader):
    """Refuses what YAML forbids and PyYAML lets through."""


def _unique(loader, node):
    keys = [loader.construct_object(key) for key, _ in node.value]
    assert len(keys) == len(set(keys)), f"duplicate key in {keys}"
    return dict(zip(keys, (loader.construct_object(value, deep=True) for _, value in node.value), strict=True))


StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique)


def load(text):
    return yaml.load(text, StrictLoader)


def test_the_configuration_is_yaml_with_each_key_once_and_wsf_names():
    config = load(workload_config(make_case(), Settings(command=COMMAND, platform="GENOA", release=":latest")))
    assert config["name"] == "DLRM-PyTorch-Xeon-Public"
    assert config["platform"] == "GENOA"
    assert config["tunables"]["BATCH_SIZE"] == 128
    assert config["testcase"] == "test_dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"


def test_what_is_not_known_is_absent_rather_than_empty():
    config = load(workload_config(make_case(), Settings(command=COMMAND)))
    assert "registry" not in config
    assert "git_commit" not in config


def test_the_command_line_can_be_read_and_pasted():
    config = load(workload_config(make_case(), Settings(command=COMMAND)))
    assert shlex.split(config["ctestsh_cmdline"]) == list(COMMAND)


def test_the_build_can_be_configured_again_from_what_is_written():
    settings = Settings(
        command=COMMAND, platform="ARMv9 (GRAVITON4)", platform_option="GRAVITON4", registry="r.example.org/",
        release=":v1", timeout="3600,600", benchmark="dlrm|bert", path="workload/DLRM-PyTorch-Xeon-Public",
    )  # fmt: skip
    config = load(workload_config(make_case(), settings))
    assert config["path"] == "workload/DLRM-PyTorch-Xeon-Public"
    assert shlex.split(config["cmake_cmdline"]) == [
        "cmake", "-DPLATFORM=GRAVITON4", "-DREGISTRY=r.example.org/", "-DRELEASE=:v1", "-DTIMEOUT=3600,600",
        "-DBENCHMARK=dlrm|bert", "-DBACKEND=native",
    ]  # fmt: skip
    assert "cmake_cmdline" not in load(workload_config(make_case(), Settings(command=COMMAND)))


def test_what_wsf_says_of_checkout_options_and_architecture_is_there_where_it_is_known():
    settings = Settings(
        command=COMMAND, options=("--set", "DATASET_DIR=/data/with space", "--run", "2"), architecture="aarch64",
        git_commit="0123abc", git_branch="main",
    )  # fmt: skip
    config = load(workload_config(make_case(), settings))
    assert shlex.split(config["ctestsh_options"]) == list(settings.options)
    assert (config["image_arch"], config["git_branch"]) == ("linux/arm64", "main")
    bare = load(workload_config(make_case(), Settings(command=COMMAND)))
    assert not {"ctestsh_options", "image_arch", "git_branch"} & set(bare)


def test_an_overridden_case_is_shown_as_customized_in_the_tunables_only():
    config = load(workload_config(make_case(overrides=("BATCH_SIZE",)), Settings(command=COMMAND)))
    assert config["tunables"]["testcase"].endswith("_gated_customized")
    assert config["testcase"].endswith("_gated")


@pytest.mark.parametrize("value", ["$(touch x)", "a: b", "*anchor", "#no comment", "two\nlines", "yes", "0123"])
def test_values_survive_whatever_they_look_like(value):
    config = load(workload_config(make_case(own={"CHECKPOINT": value}), Settings(command=COMMAND)))
    assert config["tunables"]["CHECKPOINT"] == value


def test_overrides_are_written_in_the_form_that_the_option_config_reads():
    case = make_case(overrides=("BATCH_SIZE", "MAX_IND_RANGE"), own={"MAX_IND_RANGE": 5}, batch_size=16)
    assert load(overrides_config(case)) == {f"test_{case.name}": {"BATCH_SIZE": 16, "MAX_IND_RANGE": 5}}


def test_there_is_no_test_config_without_overrides():
    assert overrides_config(make_case()) is None
