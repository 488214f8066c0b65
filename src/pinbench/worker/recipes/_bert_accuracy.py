"""Accuracy mode of BERT: each window of the questions once, then the answers that its logits give.

S positions of a window.
"""

import itertools
from dataclasses import replace

from torch import Tensor

from pinbench.base.errors import UsageError
from pinbench.contract.plan import Instance
from pinbench.contract.result import Answers
from pinbench.worker.data.squad.answers import Limits, Logits, find_answers
from pinbench.worker.data.squad.batch import TextBatch
from pinbench.worker.data.squad.features import Feature
from pinbench.worker.metrics.answer_score import score_answers
from pinbench.worker.prepared import Prepared
from pinbench.worker.recipes._bert_text import Text


def score_once(prepared: Prepared, instance: Instance, text: Text) -> Prepared:
    """Return `prepared` with steps that compute each window once and keep its logits.

    Warm-up, probe and check go on with the batches that are ready.

    Raises:
        UsageError: the samples are made up, several instances are asked for, or STEPS is too few for a question.
        DataError: a question has no answer to compare with.
    """
    if text.file is None:
        raise UsageError("MODE=accuracy scores answers to questions; set DATA_TYPE=real and DATASET_DIR")
    if instance.shards != 1:
        raise UsageError(f"MODE=accuracy scores all answers together; set INSTANCE_NUMBER=1, not {instance.shards}")
    text.file.require_answers()
    knobs = instance.case.knobs
    asked = _whole_questions(text, None if knobs.steps is None else knobs.steps * knobs.batch_size)
    places = sorted((place for place in range(asked)), key=lambda place: -text.features[place].length)
    is_padded = prepared.batches[0].inputs[0].dim() == 2
    batches = [
        text.batch(places[begin : begin + knobs.batch_size], is_padded=is_padded, size=knobs.batch_size)
        for begin in range(0, asked, knobs.batch_size)
    ]
    logits: dict[int, Logits] = {}
    compute, ready, remaining = prepared.step, itertools.cycle(prepared.batches), iter(batches)

    def step(_: None) -> None:
        batch: TextBatch = next(remaining)
        output: Tensor = compute(batch)
        for place, logit_S2 in zip(batch.features, batch.rows(output), strict=False):
            logits[place] = logit_S2.float().clone().numpy()

    return replace(
        prepared,
        step=step,
        warm_up_step=lambda _: compute(next(ready)),
        steps=len(batches),
        batches=(None,),
        data=text.facts(batches, is_padded=is_padded),
        answers=lambda: _judge(text, logits, _limits(instance)),
    )


def _limits(instance: Instance) -> Limits:
    own = instance.case.knobs.own
    return Limits(best=int(own["N_BEST"]), answer_pieces=int(own["MAX_ANSWER_LENGTH"]))


def _whole_questions(text: Text, most: int | None) -> int:
    """Return how many windows, from the first one on, are all those of the questions that they are of."""
    if most is None or most >= len(text.features):
        return len(text.features)
    count = most
    while count and text.features[count].question == text.features[count - 1].question:
        count -= 1
    if not count:
        raise UsageError(f"STEPS and BATCH_SIZE allow {most} windows, and the first question alone has more")
    return count


def _judge(text: Text, logits: dict[int, Logits], limits: Limits) -> Answers:
    assert text.file is not None
    assert text.pieces is not None
    features: list[Feature] = [text.features[place] for place in sorted(logits)]
    given_logits = [logits[place] for place in sorted(logits)]
    found = find_answers(text.file.questions, features, given_logits, limits, text.pieces)
    asked = sorted({feature.question for feature in features})
    given = [text.file.questions[number].answers for number in asked]
    score = score_answers([found[number] for number in asked], given)
    return Answers(questions=score.questions, windows=len(features), exact_match=score.exact_match, f1=score.f1)
