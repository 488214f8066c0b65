"""SQuAD's score by hand, and beside torchmetrics' on real questions."""

import random

import pytest
from squad_sets import REAL, needs_real_questions

from pinbench.worker.data.squad.questions import read_questions
from pinbench.worker.metrics.answer_score import normalized, score_answers, word_f1


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("The  Queen,", "queen"), ("an apple a day", "apple day"), ("U.S.", "us"), ("theatre", "theatre"),
        ("the-end", "theend"), ("", ""), ("Über-alles", "überalles"),
    ],
)  # fmt: skip
def test_what_does_not_count_is_left_out(text, bare):
    assert normalized(text) == bare


@pytest.mark.parametrize(
    ("answer", "other", "f1"),
    [
        ("red ship", "the red ship", 1.0),
        ("red ship", "red", 2 * 1 * 0.5 / 1.5),
        ("red red", "red", 2 * 0.5 / 1.5),
        ("blue", "red", 0.0),
        ("", "the", 0.0),
    ],
)
def test_words_count_as_often_as_both_have_them(answer, other, f1):
    assert word_f1(answer, other) == pytest.approx(f1)


def test_the_best_of_the_given_answers_counts():
    score = score_answers(["the red ship", "sea"], [("ship", "red ship"), ("blue sea", "lake")])
    assert (score.questions, score.exact_match) == (2, 0.5)
    assert score.f1 == pytest.approx((1.0 + 2 * 0.5 / 1.5) / 2)


def _predictions(questions):
    """Return for each question one of: a given answer, a part of it, the words around it, other words, nothing."""
    draw = random.Random(0)
    found = []
    for question in questions:
        answer = draw.choice(question.answers)
        words = question.context.split()
        place = draw.randrange(len(words))
        variants = [
            answer,
            answer[: len(answer) // 2],
            f"The {answer.upper()}!",
            " ".join(words[place : place + 6]),
            "",
        ]
        found.append(draw.choice([*variants, f"{answer} {words[place]}"]))
    return found


@needs_real_questions
def test_the_score_of_known_predictions_on_real_questions_is_that_of_the_official_rule():
    squad = pytest.importorskip("torchmetrics.text", reason="no torchmetrics (`script/env/python bert-peers`)").SQuAD()
    questions = read_questions(REAL).questions
    found = _predictions(questions)
    theirs = squad(
        [{"id": q.id, "prediction_text": text} for q, text in zip(questions, found, strict=True)],
        [{"id": q.id, "answers": {"text": list(q.answers), "answer_start": [0] * len(q.answers)}} for q in questions],
    )
    ours = score_answers(found, [question.answers for question in questions])
    assert ours.questions == 1190
    assert 0.1 < ours.exact_match < ours.f1 < 0.9
    assert 100 * ours.exact_match == pytest.approx(float(theirs["exact_match"]), abs=1e-4)
    assert 100 * ours.f1 == pytest.approx(float(theirs["f1"]), abs=1e-4)
