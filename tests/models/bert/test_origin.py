"""Weights from a seed and from a folder, and what is refused of one."""

import json

import pytest
import torch
from bert_models import SMALL, DrawnOrigin
from safetensors.torch import save_file

from pinbench.base.errors import ModelError
from pinbench.worker.models.bert.config import read_config
from pinbench.worker.models.bert.origin import FolderOrigin, SeededOrigin
from pinbench.worker.models.bert.tensors import expected_shapes

CONFIG = {
    "model_type": "bert", "hidden_act": "gelu", "hidden_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "intermediate_size": 96, "vocab_size": 50, "max_position_embeddings": 40, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}  # fmt: skip


def folder_with(path, state, name="model.safetensors", **changes):
    path.joinpath("config.json").write_text(json.dumps({**CONFIG, **changes}))
    save_file(state, path / name) if name.endswith("safetensors") else torch.save(state, path / name)
    return path


def test_the_same_seed_draws_the_same_weights_each_by_itself():
    first, again, other = SeededOrigin(SMALL, 1), SeededOrigin(SMALL, 1), SeededOrigin(SMALL, 2)
    name = "bert.encoder.layer.1.output.dense.weight"
    again.tensor("qa_outputs.weight")
    assert torch.equal(first.tensor(name), again.tensor(name))
    assert not torch.equal(first.tensor(name), other.tensor(name))
    assert not torch.equal(first.tensor(name), first.tensor(name.replace(".1.", ".2.")))
    assert first.tensor(name).std().item() == pytest.approx(0.02, rel=0.05)
    assert torch.equal(first.tensor("bert.embeddings.LayerNorm.weight"), torch.ones(48))
    assert torch.equal(first.tensor("qa_outputs.bias"), torch.zeros(2))


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_gives_what_was_saved_in_it(tmp_path, name):
    drawn = DrawnOrigin(SMALL)
    folder = folder_with(tmp_path, drawn.state(), name)
    config = read_config(folder)
    assert config == SMALL
    origin = FolderOrigin(folder, config, seed=0)
    assert all(torch.equal(origin.tensor(weight), drawn.tensor(weight)) for weight in expected_shapes(SMALL))
    assert origin.name == str(folder / name)


def old_name(name):
    for old, new in ((".gamma", ".weight"), (".beta", ".bias")):
        name = name.replace(f"LayerNorm{new}", f"LayerNorm{old}")
    return name.removeprefix("bert.")


def test_names_of_2019_and_encoders_alone_are_understood_and_other_heads_left_out(tmp_path):
    drawn = DrawnOrigin(SMALL)
    state = {old_name(name): weight for name, weight in drawn.state().items() if not name.startswith("qa_outputs")}
    folder = folder_with(tmp_path, {**state, "pooler.dense.weight": torch.ones(48, 48)})
    origin = FolderOrigin(folder, SMALL, seed=7)
    name = "bert.encoder.layer.2.attention.output.LayerNorm.weight"
    assert torch.equal(origin.tensor(name), drawn.tensor(name))
    assert torch.equal(origin.tensor("qa_outputs.weight"), SeededOrigin(SMALL, 7).tensor("qa_outputs.weight"))
    assert origin.name.endswith("model.safetensors, without a head for questions: that is of seed 7")


def test_weights_in_a_lower_precision_are_widened(tmp_path):
    folder = folder_with(tmp_path, {name: weight.bfloat16() for name, weight in DrawnOrigin(SMALL).state().items()})
    assert FolderOrigin(folder, SMALL, seed=0).tensor("qa_outputs.weight").dtype == torch.float32


def refusal(call):
    with pytest.raises(ModelError) as refused:
        call()
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_a_folder_without_a_model_says_what_belongs_there(tmp_path):
    assert refusal(lambda: read_config(tmp_path)).startswith(
        f"MODEL_DIR={tmp_path}: cannot read config.json: No such file or directory; name a folder with config.json"
    )
    (tmp_path / "config.json").write_text("{")
    assert "it is no JSON" in refusal(lambda: read_config(tmp_path))
    message = refusal(lambda: FolderOrigin(tmp_path, SMALL, seed=0))
    assert message.startswith(f"MODEL_DIR={tmp_path} has neither model.safetensors nor pytorch_model.bin")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "roberta"}, "says model_type='roberta', and this model computes 'bert' only"),
        ({"hidden_act": "gelu_new"}, "says hidden_act='gelu_new', and this model computes 'gelu' only"),
        ({"hidden_size": 50}, "hidden_size 50 is no multiple of num_attention_heads 4"),
        ({"vocab_size": 0}, "vocab_size must be a positive number, got 0"),
        ({"vocab_size": "50"}, "vocab_size must be a positive number, got '50'"),
    ],
)
def test_a_config_of_something_else_is_refused(tmp_path, changes, words):
    assert words in refusal(lambda: read_config(folder_with(tmp_path, DrawnOrigin(SMALL).state(), **changes)))


def test_a_config_that_lacks_a_size_is_refused(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({k: v for k, v in CONFIG.items() if k != "vocab_size"}))
    assert "has no vocab_size, which a BERT needs" in refusal(lambda: read_config(tmp_path))


def test_weights_of_other_sizes_than_the_config_are_refused(tmp_path):
    state = DrawnOrigin(SMALL).state()
    lacks = {name: weight for name, weight in state.items() if name != "bert.encoder.layer.2.output.dense.bias"}
    folder = folder_with(tmp_path, lacks)
    assert "has no bert.encoder.layer.2.output.dense.bias" in refusal(lambda: FolderOrigin(folder, SMALL, seed=0))
    wider = {**state, "bert.embeddings.word_embeddings.weight": torch.ones(51, 48)}
    folder = folder_with(tmp_path, wider)
    message = refusal(lambda: FolderOrigin(folder, SMALL, seed=0))
    assert "bert.embeddings.word_embeddings.weight is 51x48, but config.json beside it asks for 50x48" in message


def test_a_damaged_file_and_one_with_code_are_refused(tmp_path):
    folder = folder_with(tmp_path, DrawnOrigin(SMALL).state(), "pytorch_model.bin")
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-100])
    assert f"MODEL_DIR={path} cannot be read as a PyTorch checkpoint" in refusal(
        lambda: FolderOrigin(folder, SMALL, seed=0)
    )
    torch.save({"qa_outputs.weight": print}, path)
    assert "neither tensor nor number" in refusal(lambda: FolderOrigin(folder, SMALL, seed=0))
