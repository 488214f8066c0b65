"""From logits to the part of the paragraph, by hand."""

import numpy as np
import pytest

from pinbench.worker.data.squad.answers import Limits, find_answers
from pinbench.worker.data.squad.features import Feature
from pinbench.worker.data.squad.questions import Question

CONTEXT = "ab cd ef gh"
SPANS = ((0, 2), (3, 5), (6, 8), (9, 11))
QUESTIONS = [Question(id="1", text="?", context=CONTEXT, answers=("cd",))]
LIMITS = Limits(best=20, answer_pieces=30)


class Plain:
    """A vocabulary of the paragraph's own words, from id 2 on; nothing is normalised."""

    def spelled(self, ids):
        return " ".join(CONTEXT.split()[number - 2] for number in ids)

    def normalized_words(self, text):
        return text.split()


def feature(begin=0, end=4, best=None):
    count = end - begin
    return Feature(
        question=0, ids=(0, 9, 1, *range(2 + begin, 2 + end), 1), window_begin=3, spans=SPANS[begin:end],
        is_best=tuple(best or [True] * count),
    )  # fmt: skip


def logits(begins, ends, count=4):
    """Return logits that are -9 but at the given pieces of the window."""
    logit_S2 = np.full((3 + count + 1, 2), -9.0, dtype=np.float32)
    for side, places in enumerate((begins, ends)):
        for piece, value in places.items():
            logit_S2[3 + piece, side] = value
    return logit_S2


def answer(*pairs, limits=LIMITS):
    features, values = zip(*pairs, strict=True)
    return find_answers(QUESTIONS, features, values, limits, Plain())[0]


def test_the_best_pair_is_the_answer_as_the_paragraph_spells_it():
    assert answer((feature(), logits({1: 5.0}, {2: 4.0}))) == "cd ef"


def test_an_end_before_its_beginning_is_none():
    assert answer((feature(), logits({2: 5.0, 0: 1.0}, {1: 5.0, 3: 0.0}))) == "ab cd"


def test_an_answer_is_as_long_as_the_limit_at_the_most():
    values = logits({0: 5.0}, {3: 5.0, 1: 1.0})
    assert answer((feature(), values)) == "ab cd ef gh"
    assert answer((feature(), values), limits=Limits(best=20, answer_pieces=3)) == "ab cd"


def test_only_the_likeliest_places_are_looked_at():
    values = logits({2: 5.0, 0: 4.0}, {1: 5.0, 2: 4.0})
    assert answer((feature(), values)) == "ef" or answer((feature(), values)) == "ab cd"
    assert answer((feature(), values), limits=Limits(best=1, answer_pieces=30)) == ""


def test_question_and_marks_are_no_answer():
    values = logits({1: 1.0}, {1: 1.0})
    values[0] = values[2] = values[-1] = 50.0
    assert answer((feature(), values)) == "cd"


def test_a_beginning_counts_in_the_window_that_shows_it_best():
    elsewhere = feature(0, 3, best=[True, False, False])
    assert answer((elsewhere, logits({1: 9.0, 0: 1.0}, {1: 9.0, 0: 1.0}, 3))) == "ab cd"
    here = feature(1, 4)
    assert answer((elsewhere, logits({1: 9.0}, {1: 9.0}, 3)), (here, logits({1: 8.0}, {1: 8.0}, 3))) == "ef"


@pytest.mark.parametrize("order", [1, -1])
def test_the_best_of_all_windows_wins_in_whatever_order(order):
    pairs = [(feature(0, 2), logits({0: 3.0}, {0: 3.0}, 2)), (feature(2, 4), logits({1: 4.0}, {1: 4.0}, 2))]
    assert answer(*pairs[::order]) == "gh"


def test_a_question_without_a_candidate_has_the_empty_answer():
    assert find_answers(QUESTIONS * 2, [feature()], [logits({1: 5.0}, {1: 5.0})], LIMITS, Plain()) == ["cd", ""]
