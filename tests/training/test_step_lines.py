from pinbench.contract.result import Training
from pinbench.worker.training.step_lines import StepLines


def test_a_line_tells_the_time_of_the_steps_alone_and_the_last_one_is_never_missing():
    clock, said, left = [0], [], [5]

    def more():
        clock[0] += 1_000_000_000  # an evaluation between steps, which no line counts
        left[0] -= 1
        return left[0] >= 0

    def training():
        return Training(samples=1, loss=0.25, resumed_step=100)

    lines = StepLines(more, training, 2, say=said.append, clock_ns=lambda: clock[0])
    while lines.more():
        clock[0] += 3_000_000
    assert said == [
        "training: step 102, 3.00 ms/step, loss 0.250000",
        "training: step 104, 3.00 ms/step, loss 0.250000",
        "training: step 105, 3.00 ms/step, loss 0.250000",
    ]
