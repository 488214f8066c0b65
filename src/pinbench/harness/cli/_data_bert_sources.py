"""Where a BERT-Large that answers questions, and SQuAD, can be had from: which hosts ``pinbench data bert`` contacts.

Weights and vocabulary of a model come from one place, the same training: Intel WSF takes the weights of
``bert-large-uncased-whole-word-masking``, which has no head for questions, with the configuration of the fine-tuned
model, and the answers of such a mixture are random.
Digests: of the model's record at Zenodo, of its vocabulary (that of every uncased BERT) and of SQuAD's file, as several
projects state them that fetch the same; of the hub's weights none is known to us, so its address has a commit in it.
"""

import json
from dataclasses import dataclass

from pinbench.contract.data import Download, KnownFile
from pinbench.harness.cli._data_licenses import BERT_MLPERF, BERT_WHOLE_WORD, SQUAD, License

_VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
_ZENODO = "https://zenodo.org/records/3733896"
_HUB = "https://huggingface.co/google-bert/bert-large-uncased-whole-word-masking-finetuned-squad"
_COMMIT = "b77a1101fca72fb51279d8aba154bddd61bff81c"  # the one whose config.json WSF takes
_WEIGHTS, _VOCABULARY, _CONFIG = "pytorch_model.bin", "vocab.txt", "config.json"
# google-research/bert, bert_config.json of uncased_L-24_H-1024_A-16: the record at Zenodo has none.
_BERT_LARGE = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "vocab_size": 30522,
    "max_position_embeddings": 512,
    "type_vocab_size": 2,
    "layer_norm_eps": 1e-12,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Files that belong together."""

    about: str
    license: License
    files: tuple[Download, ...]
    known: tuple[KnownFile, ...] = ()


MODELS = {
    "mlperf": Bundle(
        about="that of MLPerf Inference, F1 90.874, 1.3 GB; all its digests are known",
        license=BERT_MLPERF,
        files=(
            Download(
                url=f"{_ZENODO}/files/model.pytorch?download=1",
                sha256="71af14acc3cb47ebd88e028d9ff8a5f06e15f6ed666e16293b7ad2539171397f",
                name=_WEIGHTS,
                page=_ZENODO,
            ),
            Download(
                url=f"{_ZENODO}/files/vocab.txt?download=1", sha256=_VOCABULARY_SHA256, name=_VOCABULARY, page=_ZENODO
            ),
        ),
        known=(KnownFile(name=_CONFIG, text=json.dumps(_BERT_LARGE, indent=2) + "\n"),),
    ),
    "whole-word-masking": Bundle(
        about="google-bert's on the Hugging Face hub, F1 93.15 by its card, 1.3 GB",
        license=BERT_WHOLE_WORD,
        files=tuple(
            Download(url=f"{_HUB}/resolve/{_COMMIT}/{name}", sha256=sha256, name=name, page=_HUB)
            for name, sha256 in ((_CONFIG, None), (_WEIGHTS, None), (_VOCABULARY, _VOCABULARY_SHA256))
        ),
    ),
}
QUESTIONS = Bundle(
    about="the development set of SQuAD 1.1, 10,570 questions, 5 MB",
    license=SQUAD,
    files=(
        Download(
            url="https://rajpurkar.github.io/SQuAD-explorer/dataset/dev-v1.1.json",
            sha256="95aa6a52d5d6a735563366753ca50492a658031da74f301ac5238b03966972c9",
            name="dev-v1.1.json",
            page="https://rajpurkar.github.io/SQuAD-explorer/",
        ),
    ),
)
