"""LoadGen's mlperf_log_accuracy.json: the replies of an accuracy test, each pair's probability and label, scored."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from pinbench.base.errors import RecordError
from pinbench.contract.result import Accuracy
from pinbench.worker.loadgen.samples import Sizes
from pinbench.worker.metrics.click_scores import ClickScores

_PAIR = np.dtype([("probability", "<f4"), ("label", "<f4")])


def score(path: Path, size_S: Sizes) -> Accuracy:
    """Return what all replies are worth together, each sample once.

    MultiStream fills up its last query with samples that it has asked for already; their replies must be the same.

    Args:
        path: the log; one object a line, its data hexadecimal.
        size_S: the pairs that each sample has.

    Raises:
        RecordError: the log cannot be read, a sample is missing or has two answers, or a reply has another length.
        ModelError: a probability is NaN.
        DataError: all labels are the same.
    """
    scores = ClickScores(int(size_S.sum()))
    seen: dict[int, int] = {}  # the hash of the reply to each sample
    for index, pairs in _replies(path):
        if not 0 <= index < len(size_S):
            raise RecordError(f"{path} has a reply to sample {index}, and there are {len(size_S)}")
        digest = hash(pairs.tobytes())
        if index in seen:
            if seen[index] != digest:
                raise RecordError(f"{path} has two different replies to sample {index}")
            continue
        if len(pairs) != size_S[index]:
            raise RecordError(f"{path}: the reply to sample {index} has {len(pairs)} pairs, the sample {size_S[index]}")
        seen[index] = digest
        probability, label = (torch.from_numpy(pairs[name].astype(np.float32)) for name in ("probability", "label"))
        scores.take(probability, label)
    if len(seen) < len(size_S):
        raise RecordError(f"{path} has no reply to {len(size_S) - len(seen)} of {len(size_S)} samples")
    return scores.judge()


def _replies(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open(encoding="ascii") as file:
            for number, line in enumerate(file, 1):
                if (text := line.strip().rstrip(",")) not in ("[", "]", ""):
                    yield _reply(text, f"{path}: line {number}")
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error


def _reply(text: str, where: str) -> tuple[int, Any]:
    try:
        entry = json.loads(text)
        return int(entry["qsl_idx"]), np.frombuffer(bytes.fromhex(entry["data"]), _PAIR)
    except (ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{where} is no reply of LoadGen's accuracy log: {error}") from error
