"""The licences of raw data sets and trained models: what is shown before one is touched.

The notices are ours, not the licences: those stand where `text_at` says. Sources: the page and the data card of the
1 TB set (licence cc-by-nc-sa-4.0); the legal code of that licence; the file of terms in the archive of the Kaggle set;
the model cards, and SQuAD's page.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """Terms that whoever uses a data set or model must have accepted."""

    id: str
    covers: str
    name: str
    text_at: str
    gist: tuple[str, ...]


CRITEO_1TB = License(
    id="criteo-1tb",
    covers="Criteo 1TB Click Logs (day_0 to day_23)",
    name="Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International (CC-BY-NC-SA-4.0)",
    text_at="https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
    gist=(
        "you may copy, pass on and adapt the data, but not for commercial advantage or payment;",
        "you must name the source (Criteo), link the licence and say what you changed;",
        "what you make of the data, prepared files too, may be passed on under the same licence only;",
        "the data come as they are, without any warranty.",
    ),
)
CRITEO_KAGGLE = License(
    id="criteo-kaggle",
    covers="Criteo Display Advertising Challenge, also called the Kaggle set (train.txt, test.txt)",
    name="Criteo's own terms of use for this set",
    text_at="the archive of the data set itself holds them beside its readme",
    gist=(
        "for academic use and research, not for commercial use;",
        "neither the data nor a part of them may be passed on (clause 1.4), prepared files included;",
        "the terms in the archive bind, not these lines: read them before you use the data.",
    ),
)
BERT_MLPERF = License(
    id="bert-mlperf",
    covers="BERT-Large as MLPerf Inference has it, trained on SQuAD 1.1 by NVIDIA (Zenodo record 3733896)",
    name="that of the record; Google's BERT, which it was made from, and NVIDIA's code have the Apache License 2.0",
    text_at="https://zenodo.org/records/3733896",
    gist=(
        "Apache 2.0 lets you use, change and pass on, with its text and the notices that are there;",
        "it grants no trademarks and gives no warranty;",
        "the terms on the record's page bind, not these lines: read them before you use the file.",
    ),
)
BERT_WHOLE_WORD = License(
    id="bert-whole-word-masking",
    covers="BERT-Large, whole word masking, fine-tuned on SQuAD 1.1 (google-bert on the Hugging Face hub)",
    name="Apache License 2.0 (its model card)",
    text_at="https://www.apache.org/licenses/LICENSE-2.0",
    gist=(
        "you may use, change and pass on the weights, with the text of the licence and the notices that are there;",
        "no trademarks are granted, and there is no warranty.",
    ),
)
SQUAD = License(
    id="squad-1.1",
    covers="SQuAD 1.1, the development set (dev-v1.1.json)",
    name="Creative Commons Attribution-ShareAlike 4.0 International (CC-BY-SA-4.0)",
    text_at="https://creativecommons.org/licenses/by-sa/4.0/legalcode",
    gist=(
        "you may copy, pass on and adapt the questions, commercially too;",
        "you must name the source, link the licence and say what you changed;",
        "what you make of them may be passed on under the same licence only.",
    ),
)
LICENSES = {known.id: known for known in (CRITEO_1TB, CRITEO_KAGGLE, BERT_MLPERF, BERT_WHOLE_WORD, SQUAD)}


def notice(terms: License) -> str:
    """Return the lines that are shown."""
    gist = "\n".join(f"  - {line}" for line in terms.gist)
    return f"{terms.covers}\nlicence: {terms.name}\nits gist, in our words:\n{gist}\nfull text: {terms.text_at}\n"
