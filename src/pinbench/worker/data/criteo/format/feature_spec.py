"""feature_spec.yaml, which says what is in the files of NVIDIA's binary_dataset: written and read.

Source: NVIDIA/DeepLearningExamples at 729963d, PyTorch/Recommendation/DLRM/dlrm/data/feature_spec.py (85-181 what a
spec must fulfil, 184-233 the one that the preprocessing writes) and defaults.py:34-43 (the types of categories).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

from pinbench.base.errors import DataError
from pinbench.worker.data.criteo.schema import DENSE_FEATURES

SPEC_FILE = "feature_spec.yaml"
NUMERICAL_FILE = "numerical.bin"
LABEL_FILE = "label.bin"

_LABEL = "label"
_TRAIN, _TEST, _VALIDATION = "train", "test", "validation"
_CHUNK_TYPE = "split_binary"
_CATEGORY_TYPES = ("int8", "int16", "int32")


class Category(NamedTuple):
    """A categorical feature: a file of ids."""

    file: str
    dtype: str
    cardinality: int


class SplitFiles(NamedTuple):
    """The files of one split, relative to the folder of the spec."""

    label: str
    numerical: str | None  # None: the data have no numerical features
    numericals: int
    categories: tuple[Category, ...]


def category_file(column: int) -> str:
    """Return the name of the file, and of the feature, of `column`."""
    return f"cat_{column}.bin"


def category_type(cardinality: int) -> str:
    """Return the type of the ids of a column with `cardinality` ids."""
    return next(name for name in _CATEGORY_TYPES if cardinality < np.iinfo(name).max)


def spec_text(cardinalities: Sequence[int]) -> str:
    """Return the spec of Criteo with columns of `cardinalities`, to the byte as the preprocessing writes it.

    Validation is not in it, as there: the reader of the original knows train and test alone.
    """
    categories = [category_file(column) for column in range(len(cardinalities))]
    numericals = [f"num_{index}" for index in range(DENSE_FEATURES)]  # one list: YAML repeats it as an alias
    features: dict[str, dict[str, object]] = {
        name: {"dtype": category_type(cardinality), "cardinality": cardinality}
        for name, cardinality in zip(categories, cardinalities, strict=True)
    }
    features |= {name: {"dtype": "float16"} for name in numericals}
    features[_LABEL] = {"dtype": "bool"}
    spec = {
        "channel_spec": {"categorical": categories, "label": [_LABEL], "numerical": numericals},
        "feature_spec": features,
        "metadata": {},
        "source_spec": {
            split: [
                _chunk(numericals, f"{split}/{NUMERICAL_FILE}"),
                _chunk([_LABEL], f"{split}/{LABEL_FILE}"),
                *(_chunk([name], f"{split}/{name}") for name in categories),
            ]
            for split in (_TRAIN, _TEST)
        },
    }
    return yaml.dump(spec) + "\n"  # the original prints it: one more newline


def read_spec(path: Path, split: str) -> SplitFiles:
    """Return the files of `split` (train, test or validation) that the spec in `path` names.

    A spec without validation, as the original's, has it beside test: ``test/`` becomes ``validation/``.

    Raises:
        DataError: it cannot be read, or is no spec as the original checks it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged: {' '.join(str(error).split())}; copy it again") from error
    return _Spec(path, content).files(split)


def _chunk(features: list[str], file: str) -> dict[str, object]:
    return {"type": _CHUNK_TYPE, "features": features, "files": [file]}


class _Spec:
    """A spec as it stands in the file, and what is asked of it."""

    def __init__(self, path: Path, content: object):
        self._path = path
        root = self._mapping(content, "the file")
        channels = self._mapping(root.get("channel_spec"), "channel_spec")
        self._require(
            sorted(channels) == ["categorical", "label", "numerical"],
            f"channel_spec has {_list(channels)}, not categorical, label and numerical",
        )
        self._categories = self._names(channels["categorical"], "channel_spec: categorical")
        self._numericals = self._names(channels["numerical"], "channel_spec: numerical")
        labels = self._names(channels["label"], "channel_spec: label")
        self._require(len(labels) == 1, f"channel_spec has {len(labels)} labels instead of one")
        self._label = labels[0]
        self._features = self._mapping(root.get("feature_spec"), "feature_spec")
        self._sources = self._mapping(root.get("source_spec"), "source_spec")
        self._check_features()

    def files(self, split: str) -> SplitFiles:
        """Return the files of `split`, checked."""
        source = split if split in self._sources else _TEST if split == _VALIDATION else split
        self._require(source in self._sources, f"source_spec has {_list(self._sources)}, not {source}")
        chunks = self._chunks(source)
        if source != split:
            chunks = {name: _beside(file, source, split) for name, file in chunks.items()}
        return SplitFiles(
            label=chunks[self._label],
            numerical=chunks[self._numericals[0]] if self._numericals else None,
            numericals=len(self._numericals),
            categories=tuple(
                Category(chunks[name], str(self._features[name]["dtype"]), int(self._features[name]["cardinality"]))
                for name in self._categories
            ),
        )

    def _check_features(self) -> None:
        used = [*self._categories, *self._numericals, self._label]
        self._require(
            sorted(self._features) == sorted(used),
            f"feature_spec and channel_spec name different features: {_list(set(self._features) ^ set(used))}",
        )
        for name in self._features:
            self._mapping(self._features[name], f"feature_spec: {name}")
        self._require_type([self._label], ("bool",))
        self._require_type(self._numericals, ("float16",))
        self._require_type(self._categories, _CATEGORY_TYPES)
        for name in self._categories:
            self._check_cardinality(name)

    def _require_type(self, names: Iterable[str], types: Sequence[str]) -> None:
        for name in names:
            dtype = self._features[name].get("dtype")
            self._require(dtype in types, f"feature_spec: {name} has dtype {dtype}, not {' or '.join(types)}")

    def _check_cardinality(self, name: str) -> None:
        cardinality, dtype = self._features[name].get("cardinality"), self._features[name]["dtype"]
        is_number = isinstance(cardinality, int) and not isinstance(cardinality, bool)
        self._require(is_number and cardinality >= 1, f"feature_spec: {name} has cardinality {cardinality}")
        self._require(
            cardinality - 1 <= np.iinfo(dtype).max, f"feature_spec: {cardinality} ids of {name} do not fit {dtype}"
        )

    def _chunks(self, source: str) -> dict[str, str]:
        """Return the file of each feature."""
        where, files = f"source_spec: {source}", {}
        chunks = self._sources[source]
        self._require(isinstance(chunks, list), f"{where} is no list")
        for chunk in chunks:
            features, file = self._checked_chunk(self._mapping(chunk, where), where)
            for name in features:
                self._require(name not in files, f"{where} has {name} twice")
                files[name] = file
        missing = set(self._features) - set(files)
        self._require(not missing, f"{where} lacks {_list(missing)}")
        return files

    def _checked_chunk(self, chunk: Mapping[str, object], where: str) -> tuple[list[str], str]:
        kind = chunk.get("type")
        self._require(kind == _CHUNK_TYPE, f"{where}: a chunk has type {kind}, not {_CHUNK_TYPE}")
        features = self._names(chunk.get("features"), f"{where}: features")
        files = self._names(chunk.get("files"), f"{where}: files")
        self._require(len(features) >= 1, f"{where}: a chunk has no features")
        self._require(len(files) == 1, f"{where}: the chunk of {features[0]} has {len(files)} files instead of one")
        unknown = set(features) - set(self._features)
        self._require(not unknown, f"{where} has {_list(unknown)}, which feature_spec lacks")
        if features[0] in self._numericals:
            self._require(
                features == self._numericals, f"{where}: the numericals are not one chunk in the order of channel_spec"
            )
        else:
            self._require(len(features) == 1, f"{where}: {features[0]} shares a chunk with {_list(features[1:])}")
        return features, files[0]

    def _names(self, value: object, what: str) -> list[str]:
        is_names = isinstance(value, list) and all(isinstance(name, str) for name in value)
        self._require(is_names, f"{what} is no list of names")
        assert isinstance(value, list)
        self._require(len(set(value)) == len(value), f"{what} has a name twice")
        return value

    # What yaml.safe_load returns has no type; each value is checked where it is used.
    def _mapping(self, value: object, what: str) -> dict[str, Any]:
        self._require(isinstance(value, dict), f"{what} is no mapping")
        assert isinstance(value, dict)
        return value

    def _require(self, condition: bool, complaint: str) -> None:
        if not condition:
            raise DataError(f"{self._path}: {complaint}; see feature_spec.py of NVIDIA's DLRM for what it must hold")


def _beside(file: str, source: str, split: str) -> str:
    folder, _, rest = file.partition("/")
    return f"{split}/{rest}" if folder == source else file


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
