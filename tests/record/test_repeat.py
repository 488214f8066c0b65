from pathlib import Path

import pytest

from pinbench.harness.case.catalog import find_case
from pinbench.harness.case.override import customise
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._ctest_words import parse_words
from pinbench.harness.record.repeat import repeat_command

DLRM = load_workload(WORKLOAD_ROOT / "DLRM-PyTorch-Xeon-Public")
NAME = "dlrm_pytorch_xeon_public_inference_throughput_avx_fp32_gated"


def asked(*settings, directory=Path("/home/user")):
    case = find_case(DLRM, NAME)
    return customise(DLRM, case, environment={}, assignments=settings, directory=directory)


def test_a_run_as_declared_is_repeated_by_the_name_of_its_case():
    assert repeat_command(asked(), 1) == ("./ctest.sh", "-R", f"^test_{NAME}$", "-V")


def test_as_many_iterations_are_repeated_as_there_were():
    assert repeat_command(asked(), 3)[-3:] == ("--run", "3", "-V")


@pytest.mark.parametrize(
    "settings",
    [
        {"BATCH_SIZE": "128", "WEIGHT_SHARING": "False", "MIN_DURATION": "0.25", "ARCH_MLP_TOP": "8-1"},
        {"DATA_TYPE": "real", "DATASET_DIR": "a set/with spaces=1", "DATA_LOADING": "end_to_end", "DATA_THREADS": "3"},
        {"MAX_IND_RANGE": "", "ALLOCATOR": "jemalloc", "COST_PER_HOUR": "1e-9", "TIMEOUT": "1e9"},
    ],
)
def test_the_words_are_read_back_as_the_same_case_from_another_directory(settings):
    case = asked(*[f"{name}={value}" for name, value in settings.items()])
    assert len(case.overrides) == len(settings)
    words = parse_words(repeat_command(case, 2)[1:])
    assert words.pattern == f"^test_{NAME}$"
    assert words.runs == 2
    assert asked(*words.settings, directory=Path("/elsewhere")) == case
