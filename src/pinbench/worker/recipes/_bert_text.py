"""What BERT reads: the windows of real questions, or made-up sequences of one length; and batches of them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torch import nn

from pinbench.base.errors import DataError
from pinbench.contract.case import Case, DataType
from pinbench.contract.result import DataFacts
from pinbench.worker.data.squad.batch import TextBatch, by_length, padded, without_padding
from pinbench.worker.data.squad.features import Feature, Windows, make_features
from pinbench.worker.data.squad.questions import QuestionFile, find_file, read_questions
from pinbench.worker.data.squad.tokenizer import WordPieces, read_vocabulary, require_library
from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.onednn.calibration import Calibration

_SEQUENCES = 256  # that a run turns over: enough that lengths are as in the whole set
_CALIBRATED = 16  # sequences, which give each layer some thousand tokens to look at
_CALIBRATION_BATCH = 4
_STREAM = 0xBE27  # tells the stream of made-up sequences from those of weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """All sequences that there are to take, in the order of their file."""

    ids: Sequence[Sequence[int]]
    window_begins: Sequence[int]
    positions: int
    detail: str
    name: str
    file: QuestionFile | None = None
    features: Sequence[Feature] = field(default=())
    pieces: WordPieces | None = None

    def batches(self, case: Case, shard: int, shards: int, *, is_padded: bool) -> list[TextBatch]:
        """Return this shard's part of the sequences, spread over all lengths; the longest come first.

        Raises:
            DataError: there are fewer sequences than instances have batches.
        """
        size = case.knobs.batch_size
        order = by_length(self.features) if self.features else list(range(len(self.ids)))
        # Made-up sequences are this shard's own already.
        mine = order[shard::shards] if self.features else order
        count = min(len(mine), max(_SEQUENCES, size)) // size
        if not count:
            raise DataError(f"{self.name} has {len(mine)} sequences for this instance, BATCH_SIZE={size} needs more")
        begins = [number * (len(mine) // size) // count * size for number in range(count)]
        return [self.batch(mine[begin : begin + size], is_padded=is_padded) for begin in begins]

    def batch(self, places: Sequence[int], *, is_padded: bool, size: int | None = None) -> TextBatch:
        """Return the sequences at `places`; one that is padded is filled up to `size` with the last of them."""
        lacking = (size or 0) - len(places) if is_padded else 0
        filled = [*places, *itertools.repeat(places[-1], max(0, lacking))]
        ids, begins = [self.ids[place] for place in filled], [self.window_begins[place] for place in filled]
        if is_padded:
            return padded(ids, begins, self.positions, places)
        return without_padding(ids, begins, places)

    def facts(self, batches: Sequence[TextBatch], *, is_padded: bool) -> DataFacts:
        """Return what the `batches` hold; padding is never counted as work."""
        lengths = [length for batch in batches for length in batch.lengths]
        mean = sum(lengths) / len(lengths)
        padding = f"padded to {self.positions}" if is_padded else "without padding"
        return DataFacts(name=self.name, rows=len(lengths), detail=f"{self.detail}, mean {mean:.1f} tokens, {padding}")

    def calibration(self, model: str) -> Calibration:
        """Return the sequences that scales are taken from, at equal distances."""
        count = min(_CALIBRATED, len(self.ids))
        places = [len(self.ids) * number // count for number in range(count)]
        source = "made up" if self.file is None else f"sha256 {self.file.sha256}"
        batches = [
            self.batch(places[begin : begin + _CALIBRATION_BATCH], is_padded=True)
            for begin in range(0, count, _CALIBRATION_BATCH)
        ]

        def feed(module: nn.Module) -> None:
            for batch in batches:
                module(*batch.inputs)

        return Calibration(feed=feed, model=model, rows=f"{count} sequences of {self.name} ({self.detail}; {source})")


def open_text(case: Case, config: BertConfig) -> Text | None:
    """Return the windows of the questions in DATASET_DIR; None: the case's samples are made up.

    Raises:
        HostError: the library that splits texts is not installed.
        DataError: the questions cannot be read.
        ModelError: the vocabulary is not that of the model.
        UsageError: no room is left for a paragraph.
    """
    own, folder = case.knobs.own, case.knobs.dataset_dir
    if case.knobs.data_type is not DataType.REAL:
        return None
    if folder is None:
        raise DataError("DATA_TYPE=real needs DATASET_DIR: a folder with a file of SQuAD 1.1, such as dev-v1.1.json")
    require_library()
    windows = Windows(
        positions=int(own["SEQUENCE_LENGTH"]), step=int(own["DOC_STRIDE"]), question_pieces=int(own["MAX_QUERY_LENGTH"])
    )
    windows.check()
    file = read_questions(find_file(Path(folder)))
    folders = [Path(str(own["MODEL_DIR"]))] if own.get("MODEL_DIR") else []
    pieces = read_vocabulary([*folders, Path(folder)], config.vocab_size)
    features = list(make_features(file.questions, pieces, windows))
    return Text(
        ids=[feature.ids for feature in features],
        window_begins=[feature.window_begin for feature in features],
        positions=windows.positions,
        name=f"SQuAD {file.path.name}",
        detail=f"{len(features)} windows of {len(file.questions)} questions, step {windows.step}",
        file=file,
        features=features,
        pieces=pieces,
    )


def made_up_text(case: Case, config: BertConfig, shard: int) -> Text:
    """Return sequences of random words, each as long as SEQUENCE_LENGTH allows: there is nothing to leave out."""
    positions, seed = int(case.knobs.own["SEQUENCE_LENGTH"]), case.knobs.seed
    count = max(case.knobs.batch_size, _CALIBRATED)
    draw = np.random.Generator(np.random.PCG64DXSM(np.random.SeedSequence([seed, _STREAM, shard])))
    return Text(
        ids=draw.integers(0, config.vocab_size, (count, positions)).tolist(),
        window_begins=draw.integers(1, max(2, positions // 8), count).tolist(),
        positions=positions,
        name="made-up sequences",
        detail=f"random words, seed {seed}",
    )
