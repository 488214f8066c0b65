"""``pinbench train-1p``: the program behind the scripts of DLRM-PyTorch-Ascend, with their words."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path

from pinbench.base.errors import ExitCode
from pinbench.contract.case import Precision
from pinbench.harness.case.parameter import parse_value
from pinbench.harness.case.rule import value_text
from pinbench.harness.case.source import WORKLOAD_ROOT
from pinbench.harness.case.workload import Workload, load_workload
from pinbench.harness.cli import run as run_command
from pinbench.harness.cli._train_1p_data import find_or_prepare
from pinbench.harness.cli._train_1p_result import result_lines
from pinbench.harness.host.cards import has_card
from pinbench.harness.record.discover import RECORD
from pinbench.harness.record.schema import read_record

HELP = "train DLRM on one card, as test/train_full_1p.sh and test/train_performance_1p.sh do"

_WORKLOAD = "DLRM-PyTorch-Ascend"
_PERFORMANCE_STEPS = 1000  # of the original's train_performance_1p.sh
_AMP = {"O0": Precision.FP32, "O1": Precision.FP16}
# The words of the original's README, and the parameters that they mean.
_WORDS = {
    "--test-freq": "TEST_FREQ",
    "--loss-function": "LOSS_FUNCTION",
    "--learning-rate": "LEARNING_RATE",
    "--mini-batch-size": "BATCH_SIZE",
    "--print-freq": "PRINT_FREQ",
    "--nepochs": "EPOCHS",
    "--local_rank": "LOCAL_RANK",
    "--step": "STEPS",
}
_PRINT_FREQ = "PRINT_FREQ"


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--data_path", type=Path, required=True, metavar="DIR", help="train.txt of the Kaggle set, or a prepared set")
    add("--kind", choices=["full", "performance"], default="full", help="performance ends after 1000 steps [full]")
    parameters = load_workload(WORKLOAD_ROOT / _WORKLOAD).parameters
    for word, name in _WORDS.items():
        add(word, dest=name, metavar="X", help=f"{name}: {parameters[name].help.replace('%', '%%')}")
    add("--use-npu", action="store_true", help="DEVICE=npu: an NPU, or an error [an NPU, else a GPU, else the CPU]")
    add("--amp", choices=list(_AMP), help="O1: mixed precision with fp16; O0: fp32 [O1 where there is a card]")
    add("--set", action="append", default=[], metavar="K=V", help="any other parameter of the workload, repeatable")
    add("--logs-root", type=Path, default=Path(), metavar="DIR", help="gets the log directory; default: here")
    add("--accept-license", action="store_true", help="accept the licence of raw data, which is shown")


def run(arguments: Namespace) -> int:
    """Prepare the data if need be, train, and print the result."""
    workload = load_workload(WORKLOAD_ROOT / _WORKLOAD)
    settings = list(_settings(workload, arguments))
    code, dataset = find_or_prepare(arguments.data_path.absolute(), accepts_license=arguments.accept_license)
    if code != ExitCode.PASSED:
        return code
    amp = arguments.amp or ("O1" if arguments.use_npu or has_card() else "O0")
    words = ["--workload", str(workload.folder), "--case", f"{workload.prefix}_training_accuracy_{_AMP[amp]}"]
    words += ["--logs-root", str(arguments.logs_root)]
    for setting in (*settings, f"DATASET_DIR={dataset}", *arguments.set):
        words += ["--set", setting]
    parser = ArgumentParser(prog="pinbench run", allow_abbrev=False)
    run_command.configure(parser)
    code, logs = run_command.run_case(parser.parse_args(words))
    if code != ExitCode.PASSED or logs is None:
        return code
    record = read_record(logs / "itr-1" / RECORD)
    assert record.plan is not None
    for line in result_lines(record, int(record.plan.case.knobs.own[_PRINT_FREQ])):
        print(line)
    return ExitCode.PASSED


def _settings(workload: Workload, arguments: Namespace) -> Iterator[str]:
    """Yield what the words ask for, each value checked, so that a wrong one is refused before data are prepared."""
    for word, name in _WORDS.items():
        raw = getattr(arguments, name)
        if raw is None and name == "STEPS" and arguments.kind == "performance":
            raw = str(_PERFORMANCE_STEPS)
        if raw is not None:
            yield f"{name}={value_text(parse_value(workload.parameters[name], raw, word, Path.cwd()))}"
    if arguments.use_npu:
        yield "DEVICE=npu"
