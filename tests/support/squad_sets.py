"""Made-up questions in SQuAD's form, a vocabulary for them, and the real ones where somebody put them."""

import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("PINBENCH_SHARED", Path(__file__).parents[2] / "../shared"))
REAL = SHARED / "real/squad/squad_v1.1_dev_subset_1190.json"
REAL_VOCABULARY = SHARED / "real/bert/vocab.txt"

needs_real_questions = pytest.mark.skipif(
    not (REAL.exists() and REAL_VOCABULARY.exists()), reason="no real questions beside this checkout (PINBENCH_SHARED)"
)
needs_tokenizers = pytest.mark.skipif(
    find_spec("tokenizers") is None, reason="no tokenizers (`script/env/python bert`)"
)

WORDS = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "the", "queen", "of", "swe", "##den", "lived", "in", "a", "castle", "by", "sea",
    "##s", "who", "where", "?", ".", ",", "ship", "red", "cafe", "##r",
]  # fmt: skip
CONTEXT = "The Queen of Sweden lived in a castle by the sea. The red ships, seas, café."


def question(number, text, answers, context=CONTEXT):
    given = [{"text": answer, "answer_start": context.find(answer)} for answer in answers]
    return {"id": f"q{number}", "question": text, "answers": given}


def write_set(folder, questions=None, name="dev-v1.1.json", context=CONTEXT, words=WORDS):
    if questions is None:
        questions = [
            question(0, "Who lived in a castle?", ["The Queen of Sweden", "Queen"]),
            question(1, "Where lived the queen?", ["castle by the sea"]),
        ]
    paragraphs = [{"context": context, "qas": questions}]
    content = {"version": "1.1", "data": [{"title": "made up", "paragraphs": paragraphs}]}
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in words), encoding="utf-8")
    return folder
