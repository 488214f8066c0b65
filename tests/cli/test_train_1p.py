"""The words of the scripts for one card: what they ask of the workload, what is refused, and what is printed."""

from dataclasses import replace

import pytest
from records import make_case, make_record, ok

from pinbench.base.errors import DataError, KpiError
from pinbench.base.jsonio import write_json
from pinbench.contract.case import Function, Mode
from pinbench.contract.data import MANIFEST_FILE, DataEngine, DataFormat, DataInput, DataManifest, Repairs, RowOrder
from pinbench.contract.result import Accuracy, DeviceFacts, EngineFacts, Evaluation, Training
from pinbench.harness.cli import _train_1p_data, main, train_1p
from pinbench.harness.cli._train_1p_data import find_or_prepare
from pinbench.harness.cli._train_1p_result import result_lines

NPZ = "kaggleAdDisplayChallenge_processed.npz"


@pytest.fixture
def asked(monkeypatch):
    """The words that `pinbench run` was given; it then fails, so that no result is looked for."""
    seen = []

    def run_case(arguments):
        seen.append(arguments)
        return 3, None

    monkeypatch.setattr(train_1p.run_command, "run_case", run_case)
    monkeypatch.setattr(train_1p, "has_card", lambda: False)
    return seen


@pytest.fixture
def prepared(tmp_path):
    (tmp_path / NPZ).touch()
    return tmp_path


def settings(arguments):
    return dict(setting.partition("=")[::2] for setting in arguments.set)


def test_the_words_of_the_original_are_the_parameters_of_the_workload(asked, prepared):
    words = [
        "--test-freq=512", "--loss-function=bce", "--learning-rate=0.2", "--mini-batch-size=256", "--print-freq=8",
        "--nepochs=3", "--local_rank=1", "--use-npu", f"--data_path={prepared}",
    ]  # fmt: skip
    assert main(["train-1p", *words]) == 3
    assert settings(asked[0]) == {
        "TEST_FREQ": "512", "LOSS_FUNCTION": "bce", "LEARNING_RATE": "0.2", "BATCH_SIZE": "256", "PRINT_FREQ": "8",
        "EPOCHS": "3", "LOCAL_RANK": "1", "DEVICE": "npu", "DATASET_DIR": str(prepared),
    }  # fmt: skip
    assert asked[0].case == "dlrm_pytorch_ascend_training_accuracy_fp16"
    assert asked[0].workload.name == "DLRM-PyTorch-Ascend"


@pytest.mark.parametrize(("kind", "steps"), [("full", None), ("performance", "1000")])
def test_the_performance_script_makes_a_thousand_steps_of_the_same_training(asked, prepared, kind, steps):
    main(["train-1p", f"--kind={kind}", f"--data_path={prepared}"])
    assert settings(asked[0]).get("STEPS") == steps
    assert "DEVICE" not in settings(asked[0])


@pytest.mark.parametrize(
    ("words", "card", "precision"),
    [([], False, "fp32"), ([], True, "fp16"), (["--amp=O0"], True, "fp32"), (["--amp=O1"], False, "fp16")],
)
def test_mixed_precision_is_for_cards_unless_it_is_chosen(asked, prepared, monkeypatch, words, card, precision):
    monkeypatch.setattr(train_1p, "has_card", lambda: card)
    main(["train-1p", f"--data_path={prepared}", *words])
    assert asked[0].case.endswith(f"_{precision}")


def test_a_wrong_value_is_refused_with_its_word_before_data_are_looked_at(capsys, asked):
    assert main(["train-1p", "--data_path=/nonexistent", "--mini-batch-size=0"]) == 2
    said = capsys.readouterr().err
    assert said == "pinbench: BATCH_SIZE must be a whole number from 1 to 1048576, got '0' (--mini-batch-size)\n"
    assert main(["train-1p", "--data_path=/nonexistent", "--loss-function=mse"]) == 2
    assert capsys.readouterr().err == "pinbench: LOSS_FUNCTION must be one of bce, got 'mse' (--loss-function)\n"
    assert asked == []


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "the following arguments are required: --data_path"),
        (["--data_path=x", "--nepoch=1"], "unrecognized arguments: --nepoch=1"),
    ],
)
def test_a_word_that_is_missing_or_unknown_is_named(capsys, words, complaint):
    with pytest.raises(SystemExit) as ended:
        main(["train-1p", *words])
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


def test_a_path_without_data_is_refused_with_what_it_must_hold(tmp_path):
    with pytest.raises(DataError, match=r"--data_path=.*/no is not a directory; name one with train.txt"):
        find_or_prepare(tmp_path / "no", accepts_license=False)
    with pytest.raises(DataError, match=rf"holds no data; name one with train.txt .* or {NPZ}"):
        find_or_prepare(tmp_path, accepts_license=False)


def manifest_of(size_bytes):
    return DataManifest(
        schema=1, dataset="criteo", format=DataFormat.KAGGLE, written_by="0", engine=DataEngine.LOCAL,
        max_ind_range=None, frequency_limit=None, assignment=None, order=RowOrder.INPUT, seed=0, table_rows=(1,),
        inputs=(DataInput(name="train.txt", size_bytes=size_bytes, rows=1),), repairs=Repairs(), chunk_bytes=1,
        files=(),
    )  # fmt: skip


def test_raw_rows_are_prepared_once_and_kept(tmp_path, monkeypatch, capsys):
    (tmp_path / "train.txt").write_bytes(b"rows")
    orders = []

    def prepare(arguments):
        orders.append(arguments)
        (tmp_path / "prepared").mkdir()
        write_json(tmp_path / "prepared" / MANIFEST_FILE, manifest_of(4))
        return 0

    monkeypatch.setattr(_train_1p_data.data, "run", prepare)
    assert find_or_prepare(tmp_path, accepts_license=True) == (0, tmp_path / "prepared")
    assert find_or_prepare(tmp_path, accepts_license=False) == (0, tmp_path / "prepared")
    assert "is used again" in capsys.readouterr().out
    (order,) = orders
    assert (order.format, order.input, order.accept_license) == ("kaggle", [str(tmp_path / "train.txt")], True)
    (tmp_path / "train.txt").write_bytes(b"other rows")
    with pytest.raises(DataError, match=r"was prepared from \[4\] bytes, and .*train.txt has 10; move .* away"):
        find_or_prepare(tmp_path, accepts_license=False)


def test_a_preparation_that_fails_ends_the_training(asked, tmp_path, monkeypatch):
    (tmp_path / "train.txt").touch()
    monkeypatch.setattr(_train_1p_data.data, "run", lambda _: 1)
    assert main(["train-1p", f"--data_path={tmp_path}"]) == 1
    assert asked == []


def record_of(**changes):
    accuracy = Accuracy(samples=200, clicks=20, auc=0.80237, correct=157, log_loss=0.45)
    evaluation = Evaluation(step=10, epoch=1.0, accuracy=accuracy, train_loss=0.5, elapsed_s=9.0)
    # 10 steps of 128 rows but for the last one's 28; the first two take a second each, the others 0.1 s
    result = ok(
        0, step_ns=(1_000_000_000,) * 2 + (100_000_000,) * 8, batch_size=128,
        training=Training(samples=9 * 128 + 28, loss=0.4475, steps_per_epoch=10, evaluations=(evaluation,)),
        engine=EngineFacts(name="graphs", settings={"compute": "float16"}),
        device=DeviceFacts(asked="auto", device="npu:0", name="Ascend910B", memory_bytes=1, peak_bytes=1),
    )  # fmt: skip
    case = make_case(function=Function.TRAINING, mode=Mode.ACCURACY, batch_size=128)
    return make_record(replace(result, **changes), case=case)


def test_the_result_has_the_lines_and_the_table_of_the_original():
    lines = result_lines(record_of(), left_out=2)
    assert lines[1:] == (
        "Final Performance sec/images : 1155.000",  # 9 * 128 + 28 - 2 * 128 rows in 0.8 s
        "Final Train Accuracy : 0.8024 (area under the ROC curve of 200 test rows)",
        "Final Share Of Right Answers : 0.7850 (of the same rows, at a probability of 0.5)",
        "Final Train Loss : 0.447500",
        "E2E Training Duration sec : 12.5",
        "Device : npu:0 (Ascend910B), asked for: auto",
        "",
        "| NAME   | ACC    | FPS      | Epoch | AMP_Type | Torch_Version |",
        "| ------ | ------ | -------- | ----- | -------- | ------------- |",
        "| 1p-NPU | 0.8024 | 1155.000 | 1     | O1       | 2.13.0+cpu    |",
    )


def test_a_run_shorter_than_the_first_line_of_progress_leaves_no_step_out():
    assert f"{(9 * 128 + 28) / 2.8:.3f}" in result_lines(record_of(), left_out=10)[1]


def test_a_record_without_an_evaluation_has_no_result():
    with pytest.raises(KpiError, match="left no evaluation of a training on a device"):
        result_lines(record_of(device=None), left_out=1)
