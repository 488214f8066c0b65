"""``pinbench data bert``: fetches a BERT-Large that was trained on questions, its vocabulary, and SQuAD to ask it."""

import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pinbench.base.errors import UsageError
from pinbench.contract.data import Download, DownloadJob
from pinbench.harness.cli._data_bert_sources import MODELS, QUESTIONS, Bundle
from pinbench.harness.cli._data_consent import require_consent
from pinbench.harness.cli._data_order import Order
from pinbench.harness.cli._data_web import read_checksums, require_http
from pinbench.harness.cli._data_words import output_folder

HELP = "fetch a BERT-Large fine-tuned on SQuAD, and SQuAD's questions; contacts a host, so it wants licences accepted"

_FILE = "{file}"
_PARTS = ("model", "questions")


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    models = "; ".join(f"{name}: {bundle.about}" for name, bundle in MODELS.items())
    add(
        "--output",
        required=True,
        metavar="DIR",
        help="directory that gets the files: MODEL_DIR and DATASET_DIR of a case",
    )
    add("--model", choices=list(MODELS), default=next(iter(MODELS)), help=f"{models} [%(default)s]")
    add("--only", choices=_PARTS, help=f"fetch one part; questions: {QUESTIONS.about} [both]")
    add("--url", metavar="URL", help="take the files from here; {file} stands for the name that a file has in DIR")
    add("--checksums", metavar="FILE", help="digests of the files by that name, as sha256sum writes them")
    add("--accept-license", action="store_true", help="accept the licences, which are shown")


def make_order(arguments: Namespace) -> Order:
    """Return the orders, once the words are right and the licences are accepted.

    Raises:
        UsageError: a word is wrong, or a licence is not accepted.
    """
    bundles = _bundles(arguments)
    digests = {} if arguments.checksums is None else read_checksums(Path(arguments.checksums))
    files = tuple(_file(file, arguments.url, digests) for bundle in bundles for file in bundle.files)
    known = tuple(file for bundle in bundles for file in bundle.known)
    job = DownloadJob(files=files, known=known, output=output_folder(arguments.output))
    for bundle in bundles:
        require_consent(bundle.license, accepts=arguments.accept_license, environment=os.environ)
    return Order(command="download", job=job)


def show(order: Order) -> None:
    """Print what to set for a case."""
    assert isinstance(order.job, DownloadJob)
    names = [file.name for file in order.job.files] + [file.name for file in order.job.known]
    output = Path(order.job.output).resolve()
    print(f"{output}: {', '.join(names)}")
    has_model, has_questions = (
        any(file.name in names for file in bundle.files) for bundle in (MODELS["mlperf"], QUESTIONS)
    )
    words = [f"MODEL_DIR={output}"] * has_model + ["DATA_TYPE=real", f"DATASET_DIR={output}"] * has_questions
    print(f"run a case on it with: {' '.join(words)}")


def _bundles(arguments: Namespace) -> list[Bundle]:
    model = MODELS[arguments.model]
    return {None: [model, QUESTIONS], "model": [model], "questions": [QUESTIONS]}[arguments.only]


def _file(file: Download, url: str | None, digests: Mapping[str, str]) -> Download:
    if url is not None:
        require_http(url)
        if _FILE not in url:
            raise UsageError(f"--url needs {_FILE}, which stands for {file.name} and others, got {url!r}")
        file = replace(file, url=url.replace(_FILE, file.name))
    return replace(file, sha256=digests.get(file.name, file.sha256))
