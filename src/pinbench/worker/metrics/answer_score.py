"""How well answers agree with those that people gave: SQuAD 1.1's own rule (its evaluate-v1.1.py).

An answer counts as the best of its comparisons with each given one: whether both are the same text, and the harmonic
mean of the shares of common words. Case, punctuation, articles and blanks do not count.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerScore:
    """Means over all questions, 0 to 1."""

    questions: int
    exact_match: float
    f1: float


def score_answers(found: Sequence[str], given: Sequence[Sequence[str]]) -> AnswerScore:
    """Return the score of the answers `found`, each compared with those `given` to its question, one at the least."""
    pairs = list(zip(found, given, strict=True))
    exact = sum(max(normalized(answer) == normalized(other) for other in others) for answer, others in pairs)
    f1 = sum(max(word_f1(answer, other) for other in others) for answer, others in pairs)
    return AnswerScore(questions=len(pairs), exact_match=exact / len(pairs), f1=f1 / len(pairs))


def word_f1(answer: str, other: str) -> float:
    """Return the harmonic mean of the shares of common words, 0 to 1."""
    words, others = normalized(answer).split(), normalized(other).split()
    common = sum((Counter(words) & Counter(others)).values())
    return 2 * common / (len(words) + len(others)) if common else 0.0


def normalized(text: str) -> str:
    """Return the text without what does not count."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())
