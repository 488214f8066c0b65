"""The windows of a paragraph, beside an independent count by the rules of the first implementation."""

import unicodedata

import pytest
import torch
from squad_sets import REAL, REAL_VOCABULARY, WORDS, needs_real_questions, needs_tokenizers, write_set

from pinbench.worker.data.squad.batch import by_length, padded, without_padding
from pinbench.worker.data.squad.features import Windows, best_window, make_features, window_ranges
from pinbench.worker.data.squad.questions import find_file, read_questions
from pinbench.worker.data.squad.tokenizer import read_vocabulary

MLPERF = Windows(positions=384, step=128, question_pieces=64)


def plain_pieces(text, words):
    """Split as BERT's paper repository describes it: words, punctuation, accents off, then the longest pieces."""
    found = []
    for word in "".join(f" {c} " if is_punctuation(c) else " " if c.isspace() else c for c in text.lower()).split():
        bare = "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
        found += longest(bare, words)
    return found


def is_punctuation(character):
    is_ascii_sign = character.isascii() and character.isprintable() and not character.isalnum() and character != " "
    is_chinese = "\u4e00" <= character <= "\u9fff"
    return is_ascii_sign or is_chinese or unicodedata.category(character).startswith("P")


def longest(word, words):
    found, begin = [], 0
    while begin < len(word):
        ends = range(len(word), begin, -1)
        end = next((end for end in ends if ("##" if begin else "") + word[begin:end] in words), None)
        if end is None:
            return ["[UNK]"]
        found.append(("##" if begin else "") + word[begin:end])
        begin = end
    return found


def count_windows(pieces, room, step):
    return 1 if pieces <= room else 1 + -(-(pieces - room) // step)


@pytest.mark.parametrize(
    ("pieces", "room", "step", "ranges"),
    [
        (5, 10, 4, [(0, 5)]),
        (10, 10, 4, [(0, 10)]),
        (11, 10, 4, [(0, 10), (4, 11)]),
        (20, 10, 4, [(0, 10), (4, 14), (8, 18), (12, 20)]),
        (0, 10, 4, []),
        (900, 377, 128, [(begin, min(begin + 377, 900)) for begin in (0, 128, 256, 384, 512, 640)][:6]),
    ],
)
def test_the_stride_is_the_step_from_window_to_window(pieces, room, step, ranges):
    assert window_ranges(pieces, room, step) == ranges


def test_a_piece_is_best_seen_where_most_is_around_it():
    ranges = [(0, 10), (4, 14), (8, 16)]
    assert [best_window(ranges, piece) for piece in range(16)] == [0] * 7 + [1] * 4 + [2] * 5


@needs_tokenizers
def test_a_feature_is_the_question_and_a_window_between_marks(tmp_path):
    folder = write_set(tmp_path)
    questions = read_questions(find_file(folder)).questions
    pieces = read_vocabulary([folder], len(WORDS))
    features = list(make_features(questions, pieces, Windows(positions=16, step=4, question_pieces=4)))
    first = features[0]
    assert [WORDS[number] for number in first.ids[: first.window_begin]] == [
        "[CLS]",
        "who",
        "lived",
        "in",
        "a",
        "[SEP]",
    ]
    assert first.length == 16
    assert WORDS[first.ids[-1]] == "[SEP]"
    text = questions[0].context
    assert [text[begin:end] for begin, end in first.spans[:5]] == ["The", "Queen", "of", "Swe", "den"]
    assert {feature.question for feature in features} == {0, 1}
    assert features[1].spans[0] == first.spans[4]
    for question in (0, 1):
        of_it = [feature for feature in features if feature.question == question]
        best = [span for f in of_it for span, is_best in zip(f.spans, f.is_best, strict=True) if is_best]
        assert sorted(best) == sorted(pieces.split(text).spans)  # each piece in one window


@needs_tokenizers
@needs_real_questions
def test_the_windows_of_the_real_questions_are_as_many_as_by_an_independent_count():
    words = set(REAL_VOCABULARY.read_text(encoding="utf-8").splitlines())
    questions = read_questions(REAL).questions
    pieces = read_vocabulary([REAL_VOCABULARY.parent], len(words))
    ours: dict[int, int] = {}
    for feature in make_features(questions, pieces, MLPERF):
        ours[feature.question] = ours.get(feature.question, 0) + 1
    lengths = {context: len(plain_pieces(context, words)) for context in {q.context for q in questions}}
    asked = [min(64, len(plain_pieces(question.text, words))) for question in questions]
    theirs = [count_windows(lengths[q.context], 384 - n - 3, 128) for q, n in zip(questions, asked, strict=True)]
    assert len(questions) == 1190
    assert [ours[number] for number in range(1190)] == theirs
    assert sum(theirs) > 1190  # some have several


def test_batches_hold_the_same_sequences_with_padding_and_without():
    ids, begins = [[2, 4, 3, 5, 6, 3], [2, 4, 3, 9]], [3, 3]
    packed = without_padding(ids, begins, features=(7, 8))
    assert packed.inputs[0].tolist() == [2, 4, 3, 5, 6, 3, 2, 4, 3, 9]
    assert packed.inputs[1].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0, 1]
    assert packed.inputs[2].tolist() == [0, 1, 2, 3, 4, 5, 0, 1, 2, 3]
    assert packed.inputs[3].tolist() == [0, 6, 10]
    full = padded(ids, begins, 8, features=(7, 8))
    assert full.inputs[0].tolist() == [[2, 4, 3, 5, 6, 3, 0, 0], [2, 4, 3, 9, 0, 0, 0, 0]]
    assert full.inputs[1].tolist() == [[0, 0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0]]
    assert full.inputs[2].tolist() == [6, 4]
    logit_N2 = torch.arange(20.0).view(10, 2)
    rows = packed.rows(logit_N2)
    assert [len(row) for row in rows] == [6, 4]
    logit_BS2 = torch.zeros(2, 8, 2)
    for row, logits in enumerate(rows):
        logit_BS2[row, : len(logits)] = logits
    assert all(torch.equal(a, b) for a, b in zip(rows, full.rows(logit_BS2), strict=True))
    assert all(torch.equal(a, b) for a, b in zip(packed.first(), full.first(), strict=True))


def test_the_longest_come_first():
    class Of:
        def __init__(self, length):
            self.length = length

    assert by_length([Of(3), Of(9), Of(9), Of(4)]) == [1, 2, 3, 0]
