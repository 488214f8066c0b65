"""The text of an answer by the rule of run_squad.py: by hand, and on the real questions."""

import pytest
from squad_sets import REAL, REAL_VOCABULARY, needs_real_questions, needs_tokenizers

from pinbench.worker.data.squad.final_text import final_text
from pinbench.worker.data.squad.questions import read_questions
from pinbench.worker.data.squad.tokenizer import WordPieces, read_vocabulary
from pinbench.worker.metrics.answer_score import normalized

WORDS = [
    "[CLS]",
    "[SEP]",
    "[UNK]",
    "the",
    "queen",
    "##s",
    "(",
    "16",
    "##32",
    ")",
    "swe",
    "##den",
    "'",
    "s",
    "cafe",
    "e",
]

pytestmark = needs_tokenizers


def text_of(context, first, last):
    """Return the final text of the pieces `first` to `last` of `context`."""
    pieces = WordPieces(WORDS, lower_case=True)
    split = pieces.split(context)
    span = (split.spans[first][0], split.spans[last][1])
    return final_text(context, span, split.ids[first : last + 1], pieces)


@pytest.mark.parametrize(
    ("context", "first", "last", "text"),
    [
        ("The Queens (1632)", 0, 2, "The Queens"),
        ("The Queens (1632)", 4, 5, "1632"),  # the brackets of its word are not of the answer
        ("The  \n Queens", 0, 2, "The Queens"),
        ("Sweden's Queens", 0, 1, "Sweden"),
        ("Sweden's Queens", 0, 0, "Swe"),  # part of a word
        ("café the", 0, 0, "café"),
        # An accent that is a character of its own is lost in normalising: whole words, their brackets too.
        ("(cafe\u0301) the", 1, 1, "(cafe\u0301)"),
        # So are words with a piece that the vocabulary has not.
        ("the (zebra), queen", 2, 2, "(zebra),"),
        ("the (zebra), queen", 1, 2, "(zebra),"),
        # The first place in the words that the pieces are found at, however it is written there.
        ("The(the", 2, 2, "The"),
        ("café(cafe", 2, 2, "café"),
        ("e(Queen", 2, 2, "Queen"),
    ],
)
def test_an_answer_is_what_its_pieces_are_found_at(context, first, last, text):
    assert text_of(context, first, last) == text


@needs_real_questions
def test_on_real_paragraphs_it_says_what_its_pieces_cover_or_whole_words():
    pieces = read_vocabulary([REAL_VOCABULARY.parent], 30_522)
    contexts = dict.fromkeys(question.context for question in read_questions(REAL).questions)
    same = whole = 0
    for context in contexts:
        split = pieces.split(context)
        for begin in range(0, len(split.ids) - 6, 3):
            span = (split.spans[begin][0], split.spans[begin + 5][1])
            text, covered = final_text(context, span, split.ids[begin : begin + 6], pieces), context[slice(*span)]
            if normalized(text) == normalized(covered):
                same += 1
            else:
                assert covered in text
                assert "[UNK]" in pieces.spelled(split.ids[begin : begin + 6]) or len(text) > len(covered)
                whole += 1
    assert len(contexts) == 240
    assert same > 10_000
    assert whole < same / 100
