"""What is read of a file of SQuAD, and what is refused."""

import json

import pytest
from squad_sets import WORDS, needs_tokenizers, question, write_set

from pinbench.base.errors import DataError, HostError, ModelError, UsageError
from pinbench.worker.data.squad import tokenizer
from pinbench.worker.data.squad.features import Windows
from pinbench.worker.data.squad.questions import find_file, read_questions
from pinbench.worker.data.squad.tokenizer import read_vocabulary, require_library


def refusal(kind, call):
    with pytest.raises(kind) as refused:
        call()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_the_questions_of_a_file_with_their_paragraph_and_answers(tmp_path):
    file = read_questions(find_file(write_set(tmp_path)))
    assert [found.id for found in file.questions] == ["q0", "q1"]
    assert file.questions[0].answers == ("The Queen of Sweden", "Queen")
    assert file.questions[1].context.startswith("The Queen of Sweden lived")
    file.require_answers()


def test_the_development_set_is_taken_else_the_only_file(tmp_path):
    write_set(tmp_path, name="dev-v1.1.json")
    write_set(tmp_path, name="train-v1.1.json")
    assert find_file(tmp_path).name == "dev-v1.1.json"
    (tmp_path / "dev-v1.1.json").unlink()
    assert find_file(tmp_path).name == "train-v1.1.json"


def test_a_folder_without_one_file_of_questions_is_refused(tmp_path):
    assert "has no .json file; name a folder with" in refusal(DataError, lambda: find_file(tmp_path))
    assert "is no directory" in refusal(DataError, lambda: find_file(tmp_path / "absent"))
    for name in ("a.json", "b.json"):
        write_set(tmp_path, name=name)
    assert "has 2 .json files and none is dev-v1.1.json" in refusal(DataError, lambda: find_file(tmp_path))


def test_questions_without_answers_are_refused_where_answers_are_compared(tmp_path):
    folder = write_set(tmp_path, [question(0, "who?", ["Queen"]), question(1, "where?", [])])
    file = read_questions(find_file(folder))
    message = refusal(DataError, file.require_answers)
    assert message.endswith(
        "1 of 2 questions have no answers (the first is q1), and accuracy compares with them; take the development set"
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("[]", "is no SQuAD: an article, paragraph or question has a value of another kind"),
        ('{"data": [{"paragraphs": [{"context": "c", "qas": [{"id": "1"}]}]}]}', "question lacks 'question'"),
        ('{"data": [{"paragraphs": [{"qas": [{"id": "1", "question": "?"}]}]}]}', "question lacks 'context'"),
        ('{"data": []}', "holds no question"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, content, words):
    (tmp_path / "x.json").write_text(content)
    assert words in refusal(DataError, lambda: read_questions(tmp_path / "x.json"))


def test_without_the_library_the_way_to_it_is_told(monkeypatch):
    monkeypatch.setattr(tokenizer, "find_spec", lambda name: None)
    assert "`script/env/python bert` installs it" in refusal(HostError, require_library)


@needs_tokenizers
def test_words_become_pieces_with_their_places(tmp_path):
    pieces = read_vocabulary([write_set(tmp_path)], len(WORDS))
    text = "Café, SWEDEN unheard"
    found = pieces.split(text)
    assert [WORDS[number] for number in found.ids] == ["cafe", ",", "swe", "##den", "[UNK]"]
    assert [text[begin:end] for begin, end in found.spans] == ["Café", ",", "SWE", "DEN", "unheard"]


@needs_tokenizers
def test_a_model_in_both_cases_says_so(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))
    pieces = read_vocabulary([write_set(tmp_path)], len(WORDS))
    assert [WORDS[number] for number in pieces.split("queen Queen").ids] == ["queen", "[UNK]"]


def test_the_vocabulary_of_another_model_is_refused(tmp_path):
    write_set(tmp_path)
    message = refusal(ModelError, lambda: read_vocabulary([tmp_path], 30_522))
    assert message.endswith("has 25 words, but the model has a table of 30522: the vocabulary is of another model")
    write_set(tmp_path, words=["<s>", "</s>"])
    assert "has no [CLS], so it is no vocabulary of a BERT" in refusal(
        ModelError, lambda: read_vocabulary([tmp_path], 2)
    )
    absent = [tmp_path / "a", tmp_path / "b"]
    assert f"no vocab.txt in {absent[0]} nor in {absent[1]}" in refusal(ModelError, lambda: read_vocabulary(absent, 2))


def test_a_window_without_room_for_a_paragraph_is_refused():
    message = refusal(UsageError, Windows(positions=67, step=128, question_pieces=64).check)
    assert "SEQUENCE_LENGTH=67 has no room for MAX_QUERY_LENGTH=64 and a paragraph; it must be at least 68" in message
    Windows(positions=68, step=128, question_pieces=64).check()
