"""The word that was probably meant."""

import difflib
from collections.abc import Iterable

_CUTOFF = 0.6  # of difflib's similarity: a typo or two, not a different word


def nearest(word: str, words: Iterable[str]) -> str | None:
    """Return the one of `words` that is most like `word` whatever the case, or None when none is."""
    by_folded = {candidate.casefold(): candidate for candidate in words}
    found = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=_CUTOFF)
    return by_folded[found[0]] if found else None


def hint(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the end of a message, or nothing."""
    found = nearest(word, words)
    return f"; did you mean {found}?" if found else ""
