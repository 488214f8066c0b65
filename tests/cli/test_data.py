import io
import json
import sys
from pathlib import Path

import pytest

from pinbench.base.jsonio import from_jsonable, write_json
from pinbench.contract.data import (
    MANIFEST_FILE,
    MANIFEST_SCHEMA,
    PLANTED_FILE,
    DataEngine,
    DataFile,
    DataFormat,
    DataInput,
    DataManifest,
    DescribeJob,
    Download,
    DownloadJob,
    PlantedFacts,
    PlantedFile,
    PrepareJob,
    Repairs,
    RowOrder,
    SynthesizeJob,
)
from pinbench.harness.cli import data, main

GIB = 1 << 30


@pytest.fixture
def orders(monkeypatch):
    """What the child was ordered to do, instead of doing it."""
    seen = []

    def keep(command, *, reads_stdin):
        assert command[1:3] == ["-m", "pinbench.worker.data.main"]
        seen.append({**json.loads(Path(command[3]).read_text()), "reads_stdin": reads_stdin})
        return 7

    monkeypatch.setattr(data, "run_job", keep)
    return seen


@pytest.fixture
def raw(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PINBENCH_ACCEPT_LICENSE", "criteo-1tb,criteo-kaggle")
    for day in range(4):
        (tmp_path / f"day_{day}.gz").touch()
    return tmp_path


def refused(words, capsys):
    code = main(["data", *words])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    return code, said.err


def test_a_preparation_says_all_and_leaves_what_the_format_decides(raw, orders):
    assert main(["data", "criteo", "--input", "day_0.gz", "--output", "set", "--threads", "3"]) == 7
    (order,) = orders
    assert order["command"] == "prepare"
    assert from_jsonable(PrepareJob, order["job"]) == PrepareJob(
        dataset="criteo",
        format=DataFormat.MLPERF,
        inputs=("day_0.gz",),
        output="set",
        max_ind_range=None,
        frequency_limit=None,
        assignment=None,
        order=None,
        seed=0,
        rows=None,
        memory_bytes=4 * GIB,
        threads=3,
        engine=DataEngine.LOCAL,
        master=None,
        force=False,
        restart=False,
    )


def test_each_word_of_a_preparation_reaches_the_child(raw, orders):
    words = (
        "--format nvidia --max-ind-range 40000000 --frequency-limit 15 --split train --rows 5000 --shuffle reference"
    )
    more = "--seed 7 --memory 512MiB --engine spark --master local[2] --force --restart"
    main(["data", "criteo", "--input", "day_0.gz", "day_1.gz", "--output", "set", *words.split(), *more.split()])
    job = from_jsonable(PrepareJob, orders[0]["job"])
    assert (job.format, job.max_ind_range, job.frequency_limit, job.assignment) == ("nvidia", 40_000_000, 15, "train")
    assert (job.rows, job.order, job.seed, job.memory_bytes) == (5000, RowOrder.REFERENCE, 7, GIB // 2)
    assert (job.engine, job.master, job.force, job.restart) == ("spark", "local[2]", True, True)


def test_rows_stay_in_place_without_a_shuffle(raw, orders):
    main(["data", "criteo", "--input", "day_0.gz", "--output", "set", "--shuffle", "none"])
    assert orders[0]["job"]["order"] == "input"


def test_days_choose_among_the_inputs_by_number(raw, orders):
    files = ["day_3.gz", "day_0.gz", "day_1.gz", "day_2.gz"]
    main(["data", "criteo", "--input", *files, "--output", "set", "--days", "0-1,3"])
    assert orders[0]["job"]["inputs"] == ["day_0.gz", "day_1.gz", "day_3.gz"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--days 0-1,9", "--days 9: no --input has this number; there are 0, 1"),
        ("--days 1-0", "--days: 1-0 is no range from 0 to 9999"),
        ("--days 1,,2", "--days must be numbers and ranges such as 0-3,7, got '1,,2'"),
        ("--rows 0", "--rows must be a whole number of at least 1, got '0'"),
        ("--rows 1.5", "--rows must be a whole number of at least 1, got '1.5'"),
        ("--max-ind-range 4294967297", "--max-ind-range must be a whole number from 1 to 4294967296"),
        ("--frequency-limit 0", "--frequency-limit must be a whole number from 1 to 4294967296, got '0'"),
        ("--seed -1", "--seed must be a whole number from 0 to 4294967295, got '-1'"),
        ("--memory 4XB", "--memory: not a size: '4XB'; write it as 512MiB or 4GiB"),
        ("--memory 1MiB", "--memory must be at least 256.0 MiB, got 1MiB"),
        ("--threads 0", "--threads must be a whole number of at least 1, got '0'"),
        ("--engine spark", "--engine spark needs --master, such as local[2] or spark://host:7077"),
        ("--engine spark --master here", "--master must be local[N], spark://HOST:PORT, k8s://... or yarn, got 'here'"),
        ("--master local[2]", "--master local[2] is of the engine spark; add --engine spark"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_starts(raw, orders, capsys, words, complaint):
    code, said = refused(["criteo", "--input", "day_0.gz", "day_1.gz", "--output", "set", *words.split()], capsys)
    assert code == 2
    assert complaint in said
    assert orders == []
    assert not (raw / "set").exists()


def test_an_input_or_an_output_that_cannot_be_is_refused(raw, orders, capsys):
    assert refused(["criteo", "--input", "day_9.gz", "--output", "set"], capsys) == (
        1, "pinbench: cannot read day_9.gz: No such file or directory; check --input\n",
    )  # fmt: skip
    code, said = refused(["criteo", "--input", "day_0.gz", "--output", "day_1.gz"], capsys)
    assert (code, said) == (
        1, "pinbench: cannot write day_1.gz: day_1.gz is not a directory; choose another --output\n",
    )  # fmt: skip
    assert orders == []


def test_a_name_without_a_number_has_no_day(raw, orders, capsys):
    (raw / "head.tsv").touch()
    code, said = refused(["criteo", "--input", "head.tsv", "--output", "set", "--days", "0"], capsys)
    assert (code, "head.tsv has none" in said) == (2, True)


def test_rows_may_come_through_a_pipe(raw, orders, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    main(["data", "criteo", "--input", "-", "--output", "set", "--split", "train"])
    assert orders[0]["reads_stdin"]
    assert orders[0]["job"]["inputs"] == ["-"]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--input", "-", "day_0.gz"], "--input - is standard input, alone and without --days"),
        (["--input", "-", "--split", "days"], "--split days needs files, and standard input is one"),
    ],
)
def test_a_pipe_is_one_input_without_days(raw, orders, capsys, monkeypatch, words, complaint):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    code, said = refused(["criteo", *words, "--output", "set"], capsys)
    assert code == 2
    assert complaint in said


def test_rows_are_not_typed(raw, orders, capsys, monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr(sys, "stdin", terminal)
    code, said = refused(["criteo", "--input", "-", "--output", "set"], capsys)
    assert code == 2
    assert "which is a terminal" in said


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        (["--input", "day_0.gz"], "criteo-1tb"),
        (["--input", "day_0.gz", "--format", "kaggle"], "criteo-kaggle"),
        (["--input", "train.txt"], "criteo-kaggle"),
    ],
)
def test_without_its_licence_accepted_no_raw_file_is_touched(raw, orders, capsys, monkeypatch, words, terms):
    monkeypatch.delenv("PINBENCH_ACCEPT_LICENSE")
    monkeypatch.setenv("XDG_STATE_HOME", str(raw / "state"))
    (raw / "train.txt").touch()
    assert main(["data", "criteo", *words, "--output", "set"]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == (
        f"pinbench: the licence {terms} is not accepted; accept it with --accept-license, or for scripts with "
        f"PINBENCH_ACCEPT_LICENSE={terms}"
    )
    assert orders == []
    assert main(["data", "criteo", *words, "--output", "set", "--accept-license"]) == 7


def test_made_up_rows_need_no_licence(raw, orders, monkeypatch, capsys):
    monkeypatch.delenv("PINBENCH_ACCEPT_LICENSE")
    monkeypatch.setenv("XDG_STATE_HOME", str(raw / "state"))
    write_json(raw / PLANTED_FILE, make_planted())
    assert main(["data", "criteo", "--input", "day_0.gz", "--output", "set"]) == 7
    assert main(["data", "criteo", "--input", "day_0.gz", "day_1.gz", "--output", "set"]) == 2
    (raw / "day_0.gz").write_bytes(b"another file")
    assert main(["data", "criteo", "--input", "day_0.gz", "--output", "set"]) == 2


def test_made_up_rows_are_ordered(raw, orders):
    words = "--format tsv --rows 1000 --days 2 --seed 5 --gzip --threads 1 --force --restart --table-rows"
    tables = "-".join(["9"] * 26)
    main(["data", "synthetic", "--output", "raw", *words.split(), tables])
    assert orders[0]["command"] == "synthesize"
    assert from_jsonable(SynthesizeJob, orders[0]["job"]) == SynthesizeJob(
        dataset="criteo",
        format=DataFormat.TSV,
        output="raw",
        days=2,
        rows=1000,
        seed=5,
        max_ind_range=None,
        table_rows=(9,) * 26,
        gzip=True,
        threads=1,
        force=True,
        restart=True,
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--rows x", "--rows must be a whole number of at least 1, got 'x'"),
        ("--rows 1 --days 0", "--days must be a whole number from 1 to 366, got '0'"),
        ("--rows 1 --table-rows 5-6", "--table-rows must be 26 numbers joined by dashes, got 2: '5-6'"),
        ("--rows 1 --format mlperf --gzip", "--gzip is for raw rows, and --format mlperf is none"),
        ("--rows 1 --max-ind-range 10", "--max-ind-range is taken when rows are prepared"),
    ],
)
def test_a_wrong_word_about_made_up_rows_is_refused(raw, orders, capsys, words, complaint):
    code, said = refused(["synthetic", "--output", "raw", *words.split()], capsys)
    assert code == 2
    assert complaint in said
    assert orders == []


def test_a_description_is_ordered(raw, orders):
    main(["data", "describe", ".", "--head", "0", "--json", "--verify"])
    assert orders[0]["command"] == "describe"
    wanted = DescribeJob(directory=".", head_rows=0, as_json=True, verify=True)
    assert from_jsonable(DescribeJob, orders[0]["job"]) == wanted


def test_a_directory_that_is_not_there_cannot_be_described(raw, orders, capsys):
    assert refused(["describe", "nowhere"], capsys) == (
        1,
        "pinbench: no data set: cannot read nowhere: No such file or directory\n",
    )


def test_a_download_takes_the_days_from_the_publisher_unless_told_otherwise(raw, orders):
    main(["data", "download", "criteo-terabyte", "--output", "raw", "--days", "0,23"])
    job = from_jsonable(DownloadJob, orders[0]["job"])
    assert orders[0]["command"] == "download"
    assert [(file.name, file.sha256) for file in job.files] == [("day_0.gz", None), ("day_23.gz", None)]
    assert all(file.url.endswith(f"/{file.name}") for file in job.files)
    main(["data", "download", "criteo-terabyte", "--output", "raw"])
    assert len(orders[1]["job"]["files"]) == 24


def test_a_download_of_elsewhere_has_its_digests(raw, orders):
    (raw / "sums").write_text(f"{'A' * 64}  day_0.gz\n{'b' * 64} *mirror/day_1.gz\n")
    url = "http://mirror.example/d/day_{day}.gz"
    words = ["data", "download", "criteo-terabyte", "--output", "raw", "--url", url]
    main([*words, "--days", "0-1", "--checksums", "sums"])
    page = "https://ailab.criteo.com/download-criteo-1tb-click-logs-dataset/"
    assert from_jsonable(DownloadJob, orders[0]["job"]).files == (
        Download(url="http://mirror.example/d/day_0.gz", sha256="a" * 64, name="day_0.gz", page=page),
        Download(url="http://mirror.example/d/day_1.gz", sha256="b" * 64, name="day_1.gz", page=page),
    )
    main([*words, "--days", "1", "--sha256", "c" * 64])
    assert orders[1]["job"]["files"][0]["sha256"] == "c" * 64


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("criteo-terabyte --days 24", "--days: 24 is no range from 0 to 23"),
        ("criteo-terabyte --url ftp://h/day_{day}.gz", "--url must begin with https:// or http:// and a host"),
        ("criteo-terabyte --url http://h/day_0.gz", "--url needs {day} for 24 days"),
        ("criteo-terabyte --days 1 --url http://h/", "--url must end in the name of a file"),
        ("criteo-terabyte --days 1 --url http://h/..%2F.bashrc", "--url must end in the name of a file"),
        ("criteo-terabyte --sha256 " + "a" * 64, "--sha256 is for one file, not for 24; write a file for --checksums"),
        ("criteo-kaggle --sha256 abc", "--sha256 must be 64 hexadecimal digits, got 'abc'"),
        ("criteo-kaggle --days 1", "--days and {day} are of criteo-terabyte; criteo-kaggle is one archive"),
        ("criteo-kaggle --checksums sums", "--checksums sums has no line for criteo-research-kaggle"),
        ("criteo-kaggle --checksums bad", "--checksums bad, line 1: not a digest, two blanks and a name: 'abc'"),
        ("criteo-kaggle --checksums gone", "--checksums gone cannot be read"),
        ("criteo-kaggle --checksums sums --sha256 abc", "leave one of them out"),
    ],
)
def test_a_wrong_word_about_a_download_is_refused(raw, orders, capsys, words, complaint):
    (raw / "sums").write_text(f"{'a' * 64}  day_0.gz\n")
    (raw / "bad").write_text("abc\n")
    code, said = refused(["download", *words.split(), "--output", "raw"], capsys)
    assert code == 2
    assert complaint in said
    assert orders == []


def test_no_host_is_contacted_before_the_licence_is_accepted(raw, orders, capsys, monkeypatch):
    monkeypatch.delenv("PINBENCH_ACCEPT_LICENSE")
    monkeypatch.setenv("XDG_STATE_HOME", str(raw / "state"))
    assert main(["data", "download", "criteo-terabyte", "--output", "raw"]) == 2
    assert "CC-BY-NC-SA-4.0" in capsys.readouterr().err
    assert orders == []


def make_manifest(**changes):
    file = DataFile(name="terabyte_processed_test.bin", size_bytes=40_000, sha256="0", chunk_sha256=("0",), rows=250)
    values = {
        "schema": MANIFEST_SCHEMA, "dataset": "criteo", "format": DataFormat.MLPERF, "written_by": "1",
        "engine": DataEngine.LOCAL, "max_ind_range": None, "frequency_limit": None, "assignment": None,
        "order": RowOrder.UNIFORM, "seed": 0, "table_rows": (1,) * 26, "repairs": Repairs(),
        "inputs": (DataInput(name="day_0.gz", size_bytes=1, rows=1_250),), "chunk_bytes": 1, "files": (file,),
    }  # fmt: skip
    return DataManifest(**{**values, **changes})


def test_what_was_written_is_shown_with_the_way_to_use_it(raw, monkeypatch, capsys):
    monkeypatch.setattr(data, "run_job", lambda command, reads_stdin: 0)
    (raw / "set").mkdir()
    repairs = Repairs(byte_order_marks=1, carriage_returns=1_250)
    write_json(raw / "set" / MANIFEST_FILE, make_manifest(repairs=repairs, planted_auc=0.8))
    assert main(["data", "criteo", "--input", "day_0.gz", "--output", "set"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{raw}/set: 1,250 rows of 1 file(s), format mlperf",
        "  terabyte_processed_test.bin: 250 rows, 39.1 KiB",
        "  repaired: 1 byte-order mark(s) skipped",
        "  repaired: 1,250 line(s) ended in CR LF",
        "  planted AUC: 0.8000, the best that a model can reach",
        f"run a case on it with: DATA_TYPE=real DATASET_DIR={raw}/set",
    ]


def make_planted():
    file = PlantedFile(name="day_0.gz", size_bytes=0, rows=1_000, clicks=33)
    values = {"seed": 1, "table_rows": (1,) * 26, "click_share": 0.034, "auc": 0.85, "auc_standard_error": 0.001}
    return PlantedFacts(**values, rows=1_000, clicks=33, files=(file,))


def test_made_up_rows_are_shown_with_the_way_to_prepare_them(raw, monkeypatch, capsys):
    monkeypatch.setattr(data, "run_job", lambda command, reads_stdin: 0)
    write_json(raw / PLANTED_FILE, make_planted())
    assert main(["data", "synthetic", "--rows", "1000", "--output", "."]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{raw}: 1,000 made-up rows in 1 file(s), 0 B",
        "  clicks: 3.30%",
        "  planted AUC: 0.8500, the best that a model can reach",
        "prepare them with: pinbench data criteo --input day_0.gz --output DIR",
    ]


def test_of_many_files_the_first_are_shown(raw, monkeypatch, capsys):
    monkeypatch.setattr(data, "run_job", lambda command, reads_stdin: 0)
    (raw / "set").mkdir()
    write_json(raw / "set" / MANIFEST_FILE, make_manifest(files=make_manifest().files * 30))
    main(["data", "criteo", "--input", "day_0.gz", "--output", "set"])
    assert "  and 18 more; manifest.json lists all" in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["kaggle"], ["criteo"], ["synthetic"], ["describe"], ["download"], ["bert"]])
def test_a_command_without_its_words_is_bad_usage(words):
    with pytest.raises(SystemExit, match="2"):
        main(["data", *words])
