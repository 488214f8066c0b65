"""``pinbench data bert`` against a server on the loopback interface: no test contacts a publisher."""

import hashlib
import json
import sys
from pathlib import Path

import pytest
from file_server import serving

from pinbench.base.errors import PinbenchError
from pinbench.base.jsonio import from_jsonable
from pinbench.contract.data import DownloadJob
from pinbench.harness.cli import data, main
from pinbench.harness.cli._data_bert_sources import MODELS, QUESTIONS
from pinbench.worker.data.download import download
from pinbench.worker.models.bert.config import BERT_LARGE, read_config

FILES = {"pytorch_model.bin": b"weights" * 50_000, "vocab.txt": b"[CLS]\n", "dev-v1.1.json": b"{}"}
LICENSES = "bert-mlperf,bert-whole-word-masking,squad-1.1"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A server, and jobs that run here, without the pauses between attempts."""

    def run_job(command, *, reads_stdin):
        job = from_jsonable(DownloadJob, json.loads(Path(command[3]).read_text())["job"])
        try:
            download(job, pause=lambda seconds: None)
        except PinbenchError as error:
            sys.stderr.write(f"{error}\n")
            return error.exit_code
        return 0

    monkeypatch.setattr(data, "run_job", run_job)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PINBENCH_ACCEPT_LICENSE", LICENSES)
    monkeypatch.chdir(tmp_path)
    lines = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in FILES.items()]
    (tmp_path / "sums").write_text("\n".join(lines))
    with serving() as server:
        server.files = dict(FILES)
        yield server


def fetch(server, *words, checksums="sums"):
    url = f"http://127.0.0.1:{server.server_port}/mirror/{{file}}"
    return main(["data", "bert", "--output", "bert", "--url", url, "--checksums", checksums, *words])


def names():
    return sorted(path.name for path in Path("bert").iterdir())


def test_a_model_its_vocabulary_and_the_questions_come_into_one_folder(server, capsys):
    assert fetch(server) == 0
    for name, content in FILES.items():
        assert Path("bert", name).read_bytes() == content
    assert read_config(Path("bert")) == BERT_LARGE
    folder = Path("bert").resolve()
    assert f"run a case on it with: MODEL_DIR={folder} DATA_TYPE=real DATASET_DIR={folder}" in capsys.readouterr().out
    assert fetch(server) == 0
    assert server.asked == list(FILES)  # once


@pytest.mark.parametrize(
    ("part", "wanted", "says"),
    [
        ("questions", ["dev-v1.1.json", "dev-v1.1.json.sha256"], "DATA_TYPE=real DATASET_DIR="),
        (
            "model",
            ["config.json", "pytorch_model.bin", "pytorch_model.bin.sha256", "vocab.txt", "vocab.txt.sha256"],
            "with: MODEL_DIR=",
        ),
    ],
)
def test_a_part_comes_by_itself(server, capsys, part, wanted, says):
    assert fetch(server, "--only", part) == 0
    assert names() == wanted
    assert says in capsys.readouterr().out


def test_a_file_with_another_digest_than_the_publishers_is_set_aside(server, capsys):
    url = f"http://127.0.0.1:{server.server_port}/{{file}}"
    assert main(["data", "bert", "--output", "bert", "--url", url, "--only", "questions"]) == 1
    assert f"not {QUESTIONS.files[0].sha256}; it is kept as" in capsys.readouterr().err
    assert names() == ["dev-v1.1.json.bad"]


def test_a_file_that_is_cut_short_is_gone_on_with(server, capsys):
    server.cut_bytes = [100_000, 0, 0, 0]
    assert fetch(server, "--only", "model") == 1
    assert "the same command goes on from there" in capsys.readouterr().err
    assert not Path("bert/pytorch_model.bin").exists()
    assert fetch(server, "--only", "model") == 0
    assert server.ranges[4] == "bytes=100000-"
    assert Path("bert/pytorch_model.bin").read_bytes() == FILES["pytorch_model.bin"]


def test_a_file_that_is_not_there_names_its_own_publisher(server, capsys):
    server.codes = [404]
    assert fetch(server, "--only", "questions") == 1
    assert "look up where the file is now (https://rajpurkar.github.io/SQuAD-explorer/)" in capsys.readouterr().err


def test_a_config_of_another_model_is_left_alone(server, capsys):
    Path("bert").mkdir()
    Path("bert/config.json").write_text("{}")
    assert fetch(server, "--only", "model") == 1
    assert "config.json exists with another content; move it away" in capsys.readouterr().err
    assert Path("bert/config.json").read_text() == "{}"


@pytest.mark.parametrize("accepted", ["", "squad-1.1", "bert-mlperf"])
def test_no_host_is_contacted_before_both_licences_are_accepted(server, monkeypatch, capsys, accepted):
    monkeypatch.setenv("PINBENCH_ACCEPT_LICENSE", accepted)
    monkeypatch.setenv("XDG_STATE_HOME", str(Path("state").resolve()))
    assert fetch(server) == 2
    missing = "squad-1.1" if accepted == "bert-mlperf" else "bert-mlperf"
    assert f"the licence {missing} is not accepted" in capsys.readouterr().err
    assert server.asked == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--url", "ftp://host/{file}"], "--url must begin with https:// or http:// and a host"),
        (["--url", "http://host/vocab.txt"], "--url needs {file}, which stands for pytorch_model.bin and others"),
        (["--checksums", "gone"], "--checksums gone cannot be read"),
    ],
)
def test_a_wrong_word_is_refused(server, capsys, words, complaint):
    assert main(["data", "bert", "--output", "bert", *words]) == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1


def test_weights_and_vocabulary_of_a_model_are_of_one_publisher():
    for bundle in MODELS.values():
        assert len({file.page for file in bundle.files}) == 1
        assert all(file.url.startswith(file.page) for file in bundle.files)
        assert {"config.json", "vocab.txt", "pytorch_model.bin"} == {
            file.name for file in (*bundle.files, *bundle.known)
        }
    assert all(file.sha256 for file in (*MODELS["mlperf"].files, *QUESTIONS.files))


def test_the_one_on_the_hub_is_the_fine_tuned_model(server, capsys, tmp_path):
    server.files["config.json"] = b"{}"
    sums = Path("sums").read_text() + f"\n{hashlib.sha256(b'{}').hexdigest()}  config.json\n"
    Path("sums").write_text(sums)
    assert fetch(server, "--model", "whole-word-masking", "--only", "model") == 0
    assert server.asked == ["config.json", "pytorch_model.bin", "vocab.txt"]
    assert all("-finetuned-squad/resolve/" in file.url for file in MODELS["whole-word-masking"].files)
