import io
import json

import pytest

from pinbench.base.errors import UsageError
from pinbench.harness.cli._data_consent import memory_file, require_consent
from pinbench.harness.cli._data_licenses import CRITEO_1TB, CRITEO_KAGGLE, LICENSES, notice


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def environment(tmp_path):
    return {"XDG_STATE_HOME": str(tmp_path), "HOME": "/nonexistent"}


def ask(environment, answer=None, terms=CRITEO_1TB, accepts=False):
    """Return what was shown; `answer` None: there is no terminal."""
    shown = io.StringIO() if answer is None else Terminal()
    answers = io.StringIO("yes\n") if answer is None else Terminal(answer)
    require_consent(terms, accepts=accepts, environment=environment, answers=answers, shown=shown)
    return shown.getvalue()


def test_a_yes_on_a_terminal_is_asked_for_once(environment):
    shown = ask(environment, "yes\n")
    assert shown.startswith(notice(CRITEO_1TB))
    kept = json.loads(memory_file(environment).read_text())
    assert list(kept) == ["criteo-1tb"]
    assert kept["criteo-1tb"].endswith("+00:00")
    assert ask(environment) == ""


def test_each_licence_is_asked_for_by_itself(environment):
    ask(environment, "yes\n")
    ask(environment, "YES\n", CRITEO_KAGGLE)
    assert set(json.loads(memory_file(environment).read_text())) == {"criteo-1tb", "criteo-kaggle"}


@pytest.mark.parametrize("answer", ["", "\n", "no\n", "y\n"])
def test_anything_but_yes_is_a_no(environment, answer):
    with pytest.raises(UsageError, match="the licence criteo-1tb is not accepted; accept it with --accept-license"):
        ask(environment, answer)
    assert not memory_file(environment).exists()


def test_a_yes_that_does_not_come_from_a_terminal_is_none(environment):
    with pytest.raises(UsageError, match="PINBENCH_ACCEPT_LICENSE=criteo-1tb"):
        ask(environment)


def test_the_flag_shows_the_licence_and_is_of_this_command_alone(environment):
    assert ask(environment, accepts=True) == notice(CRITEO_1TB)
    with pytest.raises(UsageError):
        ask(environment)


def test_the_environment_accepts_what_it_names(environment):
    assert ask({**environment, "PINBENCH_ACCEPT_LICENSE": "criteo-kaggle, criteo-1tb"}) == ""
    with pytest.raises(UsageError, match="criteo-1tb is not accepted"):
        ask({**environment, "PINBENCH_ACCEPT_LICENSE": "criteo-kaggle"})
    with pytest.raises(UsageError, match="no licence named 'all'; there are: criteo-1tb, criteo-kaggle, bert-mlperf, "):
        ask({**environment, "PINBENCH_ACCEPT_LICENSE": "all"})


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_damaged_memory_is_asked_again(environment, content):
    memory_file(environment).parent.mkdir(parents=True)
    memory_file(environment).write_text(content)
    assert "do you accept it?" in ask(environment, "yes\n")


def test_an_answer_that_cannot_be_kept_still_counts(environment, tmp_path):
    (tmp_path / "pinbench").touch()
    assert "the answer cannot be kept, so it will be asked again" in ask(environment, "yes\n")


def test_answers_are_kept_where_the_system_keeps_state():
    assert str(memory_file({"HOME": "/home/u"})) == "/home/u/.local/state/pinbench/accepted-licenses.json"
    assert str(memory_file({"HOME": "/home/u", "XDG_STATE_HOME": "relative"})).startswith("/home/u/.local/state")


def test_a_notice_names_what_it_covers_the_licence_and_where_its_text_is():
    for terms in LICENSES.values():
        for part in (terms.covers, terms.name, terms.text_at, *terms.gist):
            assert part in notice(terms)
