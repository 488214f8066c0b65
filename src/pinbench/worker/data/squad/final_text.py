"""From the word pieces of an answer back to the text of its paragraph.

The rule of the first implementation (google-research/bert, run_squad.py, get_final_text), because scores are compared
with those that it gave: the pieces are looked for among the words that they are of, as the tokenizer normalises these,
and the characters there are the answer. Where they are not found (an unknown piece), or normalising changes the number
of characters (an accent of its own), the whole words are.
"""

import re
from collections.abc import Sequence
from typing import Protocol

# What separates words there (read_squad_examples); other blanks are parts of a word.
_BLANK = re.compile("[ \t\r\n\u202f]+")


class Normalizer(Protocol):
    """The vocabulary that split the paragraph."""

    def spelled(self, ids: Sequence[int]) -> str:
        """Return pieces as text, those of one word together."""

    def normalized_words(self, text: str) -> list[str]:
        """Return the words and punctuation marks of `text` as they are before they become pieces."""


def final_text(context: str, span: tuple[int, int], ids: Sequence[int], pieces: Normalizer) -> str:
    """Return the answer whose pieces are `ids` and cover the characters `span` of `context`."""
    words = _words_around(context, span)
    sought, known = pieces.spelled(ids), " ".join(pieces.normalized_words(words))
    begin = known.find(sought)
    places = [place for place, character in enumerate(words) if character != " "]
    if begin < 0 or len(places) != len(known) - known.count(" "):
        return words
    first, last = (place - known.count(" ", 0, place) for place in (begin, begin + len(sought) - 1))
    return words[places[first] : places[last] + 1]


def _words_around(context: str, span: tuple[int, int]) -> str:
    """Return the whole words that the span touches, one blank between them."""
    begin, end = span
    blanks = [(found.start(), found.end()) for found in _BLANK.finditer(context)]
    begin = max((after for _, after in blanks if after <= begin), default=0)
    end = min((before for before, _ in blanks if before >= end), default=len(context))
    return _BLANK.sub(" ", context[begin:end])
