"""The file of a SQuAD: articles, their paragraphs, and the questions on each, with the answers that people gave."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pinbench.base.errors import DataError

DEVELOPMENT_FILE = "dev-v1.1.json"  # as its publisher names it
_WAY_OUT = "name a folder with a file of SQuAD 1.1, such as dev-v1.1.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, the paragraph that answers it, and what people found there; no answers in a set that hides them."""

    id: str
    text: str
    context: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFile:
    """All questions of a file, in its order."""

    path: Path
    sha256: str
    questions: tuple[Question, ...]

    def require_answers(self) -> None:
        """Check that each question has an answer to compare with.

        Raises:
            DataError: one has none; names the first.
        """
        without = [question for question in self.questions if not question.answers]
        if without:
            raise DataError(
                f"{self.path}: {len(without)} of {len(self.questions)} questions have no answers (the first is "
                f"{without[0].id}), and accuracy compares with them; take the development set"
            )


def find_file(folder: Path) -> Path:
    """Return the file of questions in `folder`: the development set, or the only .json file there.

    Raises:
        DataError: there is none, or several and none is the development set.
    """
    if (folder / DEVELOPMENT_FILE).is_file():
        return folder / DEVELOPMENT_FILE
    found = sorted(folder.glob("*.json"))
    if not folder.is_dir() or len(found) != 1:
        reason = f"has {len(found)} .json files and none is {DEVELOPMENT_FILE}" if found else "has no .json file"
        raise DataError(f"DATASET_DIR={folder} {reason if folder.is_dir() else 'is no directory'}; {_WAY_OUT}")
    return found[0]


def read_questions(path: Path) -> QuestionFile:
    """Return the questions of `path`.

    Raises:
        DataError: it cannot be read, or is of another form; names the place.
    """
    try:
        raw = path.read_bytes()
        content = json.loads(raw)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path} is no JSON ({error}); {_WAY_OUT}") from error
    try:
        questions = tuple(_questions(content))
    except (KeyError, TypeError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else "has a value of another kind"
        raise DataError(f"{path} is no SQuAD: an article, paragraph or question {what}; {_WAY_OUT}") from error
    if not questions:
        raise DataError(f"{path} holds no question; {_WAY_OUT}")
    return QuestionFile(path=path, sha256=hashlib.sha256(raw).hexdigest(), questions=questions)


def _questions(content: Any) -> Iterator[Question]:
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            for entry in paragraph["qas"]:
                answers = tuple(_text(answer, "text") for answer in entry.get("answers", ()))
                yield Question(
                    id=_text(entry, "id"),
                    text=_text(entry, "question"),
                    context=_text(paragraph, "context"),
                    answers=answers,
                )


def _text(entry: Any, key: str) -> str:
    value = entry[key]
    if not isinstance(value, str):
        raise TypeError(key)
    return value
