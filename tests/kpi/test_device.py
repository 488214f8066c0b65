"""FlagPerf's figures of a training on a device, computed by hand."""

from dataclasses import replace

from records import make_case, make_record, ok

from pinbench.contract.case import Function, Mode
from pinbench.contract.result import Accuracy, DataFlow, DeviceFacts, Evaluation, Training
from pinbench.harness.kpi.configuration import workload_configuration
from pinbench.harness.kpi.device import kpis
from pinbench.harness.kpi.measurement import measurement

GPU = DeviceFacts(asked="cuda", device="cuda:0", name="NVIDIA A100", memory_bytes=80 << 30, peak_bytes=3 << 20)


def seen(step, auc, log_loss):
    accuracy = Accuracy(samples=100, clicks=10, auc=auc, correct=90, log_loss=log_loss)
    return Evaluation(step=step, epoch=step / 4, accuracy=accuracy, train_loss=0.5, elapsed_s=step)


def run_of(device=GPU, target=0.7, reached_s=None):
    evaluations = (seen(2, 0.71, 0.4), seen(4, 0.69, 0.5))
    # Four steps of a second, the first begins at 1000 s; between the second and the third one 6 s of evaluation.
    result = ok(0, step_ns=(1_000_000_000,) * 4, setup_s=5.0)
    begins = [1_000_000_000_000 + second * 1_000_000_000 for second in (0, 1, 8, 9)]
    flow = DataFlow(rows=400, read_bytes=1, disk_bytes=None, wait_ns=500_000_000, waits=1, threads=1)
    found = Training(
        samples=400, loss=0.25, steps_per_epoch=4, target_auc=target, reached_s=reached_s, evaluations=evaluations
    )
    result = replace(result, begin_ns=tuple(begins), flow=flow, training=found, device=device)
    return measurement(make_record(result, case=make_case(function=Function.TRAINING, mode=Mode.ACCURACY, steps=4)))


def test_each_of_the_times_leaves_out_what_its_name_says():
    found = {kpi.name: kpi.value for kpi in kpis(run_of())}
    assert found == {
        "mem": 3.0, "init_time": 5.0, "train_time": 10.0, "e2e_time": 15.0, "train_no_eval_time": 4.0,
        "pure_training_computing_time": 3.5, "num_trained_samples": 400, "global_steps": 4, "throughput_raw": 40.0,
        "throughput_no_eval": 100.0, "throughput_pure_compute": 114.286, "final_auc": 0.69, "best_auc": 0.71,
        "loss": 0.25, "best_validation_loss": 0.4, "converged": False,
    }  # fmt: skip


def test_converged_says_whether_the_target_was_reached_and_is_absent_without_one():
    assert {kpi.name: kpi.value for kpi in kpis(run_of(reached_s=2.0))}["converged"] is True
    assert "converged" not in {kpi.name for kpi in kpis(run_of(target=None))}


def test_a_run_that_knows_cpus_alone_has_none_of_these():
    assert kpis(measurement(make_record())) == ()


def test_the_memory_of_a_cpu_in_a_cards_place_is_not_told_as_the_cards():
    on_cpu = DeviceFacts(asked="auto", device="cpu", name="CPU")
    assert "mem" not in {kpi.name for kpi in kpis(run_of(on_cpu))}


def test_the_block_says_what_ran_and_what_was_asked_for():
    assert workload_configuration(run_of().record)["DEVICE"] == "cuda:0 (NVIDIA A100, 80.0 GiB), asked for: cuda"
