"""A question with a window of its paragraph: what the model sees at once; a long paragraph has several.

As the first implementation does it (google-research/bert, run_squad.py) and MLPerf counts it: the stride is the step
from one window to the next, not their overlap.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pinbench.base.errors import UsageError
from pinbench.worker.data.squad.questions import Question
from pinbench.worker.data.squad.tokenizer import Pieces, WordPieces

_MARKS = 3  # one piece before the question, one behind it, one at the end
_LENGTH_SHARE = 0.01  # how much a window's length counts beside a piece's distance from its edges (run_squad.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """How paragraphs are cut."""

    positions: int  # of a sequence: question, window, marks
    step: int
    question_pieces: int  # of a question at the most

    def check(self) -> None:
        """Check that a window has room for a piece of the paragraph behind the longest question.

        Raises:
            UsageError: it has not.
        """
        least = self.question_pieces + _MARKS + 1
        if self.positions < least:
            raise UsageError(
                f"SEQUENCE_LENGTH={self.positions} has no room for MAX_QUERY_LENGTH={self.question_pieces} and a "
                f"paragraph; it must be at least {least}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One sequence: ``[CLS] question [SEP] window [SEP]``."""

    question: int  # its place in the file
    ids: tuple[int, ...]
    window_begin: int  # position of the window's first piece; before it is the question
    spans: tuple[tuple[int, int], ...]  # of the window's pieces in the paragraph
    is_best: tuple[bool, ...]  # whether no other window shows the piece with more around it

    @property
    def length(self) -> int:
        """Pieces, marks included."""
        return len(self.ids)


def make_features(questions: Sequence[Question], pieces: WordPieces, windows: Windows) -> Iterator[Feature]:
    """Yield the windows of all questions, in their order."""
    known: dict[str, Pieces] = {}  # questions on one paragraph follow each other
    for number, question in enumerate(questions):
        if question.context not in known:
            known = {question.context: pieces.split(question.context)}
        yield from _of_question(number, question, known[question.context], pieces, windows)


def _of_question(
    number: int, question: Question, paragraph: Pieces, pieces: WordPieces, windows: Windows
) -> Iterator[Feature]:
    asked = pieces.split(question.text).ids[: windows.question_pieces]
    ranges = window_ranges(len(paragraph.ids), windows.positions - len(asked) - _MARKS, windows.step)
    before = (pieces.begin_id, *asked, pieces.separator_id)
    for place, (begin, end) in enumerate(ranges):
        yield Feature(
            question=number,
            ids=(*before, *paragraph.ids[begin:end], pieces.separator_id),
            window_begin=len(before),
            spans=paragraph.spans[begin:end],
            is_best=tuple(best_window(ranges, piece) == place for piece in range(begin, end)),
        )


def window_ranges(pieces: int, room: int, step: int) -> list[tuple[int, int]]:
    """Return the windows of a paragraph of so many `pieces`; the last one ends with it."""
    ranges = []
    begin = 0
    while begin < pieces:
        end = min(begin + room, pieces)
        ranges.append((begin, end))
        if end == pieces:
            break
        begin += min(end - begin, step)
    return ranges


def best_window(ranges: Sequence[tuple[int, int]], piece: int) -> int:
    """Return which window shows `piece` with the most around it, the first of equal ones."""
    around = {
        place: min(piece - begin, end - 1 - piece) + _LENGTH_SHARE * (end - begin)
        for place, (begin, end) in enumerate(ranges)
        if begin <= piece < end
    }
    return max(around, key=around.__getitem__)
