"""Texts into word pieces, each with its place in the text: BERT's own rules, by the library ``tokenizers``."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pinbench.base.errors import HostError, ModelError

VOCABULARY_FILE = "vocab.txt"
_SPECIAL = ("[CLS]", "[SEP]", "[UNK]")
_INSIDE = "##"  # before a piece that does not begin a word
_LONGEST_WORD = 200  # characters; longer ones are unknown (google-research/bert, tokenization.py)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Word pieces of a text: ids, and where each begins and ends in the text."""

    ids: tuple[int, ...]
    spans: tuple[tuple[int, int], ...]


class WordPieces:
    """The pieces of a vocabulary."""

    def __init__(self, words: Sequence[str], *, lower_case: bool) -> None:
        from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

        ids = {word: number for number, word in enumerate(words)}
        model = models.WordPiece(vocab=ids, unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD)
        self._tokenizer: Any = Tokenizer(model)
        self._tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower_case)
        self._tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        self._words = tuple(words)
        self.begin_id, self.separator_id = ids["[CLS]"], ids["[SEP]"]

    def split(self, text: str) -> Pieces:
        """Return the pieces of `text`, none of them special."""
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return Pieces(ids=tuple(encoding.ids), spans=tuple(encoding.offsets))

    def spelled(self, ids: Sequence[int]) -> str:
        """Return pieces as text, those of one word together."""
        return " ".join(self._words[number] for number in ids).replace(f" {_INSIDE}", "").removeprefix(_INSIDE)

    def normalized_words(self, text: str) -> list[str]:
        """Return the words and punctuation marks of `text` as they are before they become pieces."""
        normal = self._tokenizer.normalizer.normalize_str(text)
        return [word for word, _ in self._tokenizer.pre_tokenizer.pre_tokenize_str(normal)]


def require_library() -> None:
    """Check that ``tokenizers`` is installed.

    Raises:
        HostError: it is not; says how to get it.
    """
    if find_spec("tokenizers") is None:
        raise HostError(
            "DATA_TYPE=real splits texts with tokenizers, which this interpreter does not have; "
            "`script/env/python bert` installs it"
        )


def read_vocabulary(folders: Sequence[Path], rows: int) -> WordPieces:
    """Return the word pieces of ``vocab.txt``, from the first of `folders` that has it.

    Args:
        folders: where to look.
        rows: of the model's table of words.

    Raises:
        ModelError: it is nowhere, or of another model: it has another size, or lacks what BERT marks texts with.
    """
    path = next((folder / VOCABULARY_FILE for folder in folders if (folder / VOCABULARY_FILE).is_file()), None)
    if path is None:
        where = " nor in ".join(map(str, folders))
        raise ModelError(f"there is no {VOCABULARY_FILE} in {where}; put the one of the model there")
    try:
        words = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    if missing := [word for word in _SPECIAL if word not in words]:
        raise ModelError(f"{path} has no {missing[0]}, so it is no vocabulary of a BERT")
    if len(words) != rows:
        raise ModelError(
            f"{path} has {len(words)} words, but the model has a table of {rows}: the vocabulary is of another model"
        )
    return WordPieces(words, lower_case=_lowers(path.parent))


def _lowers(folder: Path) -> bool:
    """Return whether texts are taken in lower case: what ``tokenizer_config.json`` says, else as BERT-Large has it."""
    try:
        told = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return bool(told.get("do_lower_case", True)) if isinstance(told, dict) else True
