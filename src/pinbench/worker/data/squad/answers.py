"""From the logits of a question's windows to the part of its paragraph that answers it.

As google-research/bert has it (run_squad.py, write_predictions).

S positions of a sequence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pinbench.worker.data.squad.features import Feature
from pinbench.worker.data.squad.final_text import Normalizer, final_text
from pinbench.worker.data.squad.questions import Question

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many places are looked at, and how long an answer may be."""

    best: int  # of the likeliest beginnings, and of the likeliest ends, of each window
    answer_pieces: int


def find_answers(
    questions: Sequence[Question],
    features: Sequence[Feature],
    logits: Sequence[Logits],
    limits: Limits,
    pieces: Normalizer,
) -> list[str]:
    """Return the answer to each question; one to which no part of a window can be the answer has the empty text.

    Args:
        questions: all of the file.
        features: windows of them.
        logits: of each window, shape (S, 2): of beginning and end.
        limits: what is looked at.
        pieces: what split the texts.
    """
    best: dict[int, tuple[float, Feature, int, int]] = {}
    for feature, logit_S2 in zip(features, logits, strict=True):
        for score, begin, end in _candidates(feature, logit_S2, limits):
            if feature.question not in best or score > best[feature.question][0]:
                best[feature.question] = score, feature, begin, end
    texts = {
        number: _text(questions[number].context, feature, begin, end, pieces)
        for number, (_, feature, begin, end) in best.items()
    }
    return [texts.get(number, "") for number in range(len(questions))]


def _text(context: str, feature: Feature, begin: int, end: int, pieces: Normalizer) -> str:
    ids = feature.ids[feature.window_begin + begin : feature.window_begin + end + 1]
    return final_text(context, (feature.spans[begin][0], feature.spans[end][1]), ids, pieces)


def _candidates(feature: Feature, logit_S2: Logits, limits: Limits) -> Iterator[tuple[float, int, int]]:
    """Yield score, beginning and end (pieces of the window) of what may be an answer."""
    begins, ends = (_likeliest(logit_S2[:, side], limits.best) for side in (0, 1))
    window = range(len(feature.spans))
    for begin in (position - feature.window_begin for position in begins):
        if begin not in window or not feature.is_best[begin]:
            continue
        for end in (position - feature.window_begin for position in ends):
            if end in window and begin <= end < begin + limits.answer_pieces:
                places = (begin + feature.window_begin, end + feature.window_begin)
                yield float(logit_S2[places[0], 0] + logit_S2[places[1], 1]), begin, end


def _likeliest(logit_S: Logits, count: int) -> list[int]:
    order = np.argsort(-logit_S, kind="stable")[:count]
    return [int(position) for position in order]
