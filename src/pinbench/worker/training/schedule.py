"""The learning rate of each step, as the reference's LRPolicyScheduler has it (dlrm_s_pytorch.py, quirks included).

Steps count from 1. The rate rises in a straight line to ``base * (W - 1) / W``, stays there, jumps to `base` where the
decay starts, and falls from there with a power of the steps that are left. After the last step of the decay it stays.
"""

from pinbench.base.errors import UsageError
from pinbench.worker.training.observer import Schedule

_LEAST = 1e-7  # of a decay: the reference never lets the rate become nothing


def learning_rate(schedule: Schedule, step: int) -> float:
    """Return the rate of optimizer step `step`, which is 1 for the first one."""
    if step < schedule.warmup_steps:
        return schedule.base * _warm(schedule, step)
    if not schedule.decay_steps:
        return schedule.base
    if step < schedule.decay_start_step:
        return schedule.base * (_warm(schedule, schedule.warmup_steps - 1) if schedule.warmup_steps > 1 else 1.0)
    done = min(step - schedule.decay_start_step, schedule.decay_steps - 1)
    left = (schedule.decay_steps - done) / schedule.decay_steps
    return max(_LEAST, schedule.base * left**schedule.decay_power)


def require(schedule: Schedule) -> None:
    """Refuse a schedule whose decay starts within its warm-up, as the reference does.

    Raises:
        UsageError: names both steps.
    """
    if schedule.decay_steps and schedule.decay_start_step < schedule.warmup_steps:
        raise UsageError(
            f"LR_DECAY_START_STEP={schedule.decay_start_step} lies within the warm-up of "
            f"LR_WARMUP_STEPS={schedule.warmup_steps} steps; set it to {schedule.warmup_steps} or more, or "
            "LR_DECAY_STEPS=0 for no decay"
        )


def _warm(schedule: Schedule, step: int) -> float:
    return 1.0 - (schedule.warmup_steps - step) / schedule.warmup_steps
