"""Where raw data sets can be had from: the only hosts that ``pinbench data download`` contacts by itself.

The publisher has moved the day files several times: an Azure host until 2022, Google's storage until 2023, later
another Azure host (issues 245 of meta-pytorch/torchrec, 1136 of mlcommons/inference, 469 of
mlcommons/algorithmic-efficiency). Since 2025 its page (ailab.criteo.com/download-criteo-1tb-click-logs-dataset) leads
to the repository below; at times that held days cut short, or parts in another format (issue 413 of
facebookresearch/dlrm). So every default can be replaced with --url, and a day that ends too early is refused when
it is prepared.
"""

from dataclasses import dataclass

from pinbench.harness.cli._data_licenses import CRITEO_1TB, CRITEO_KAGGLE, License


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A raw data set and where it is."""

    about: str
    license: License
    page: str  # of the publisher, to look up where the files are now
    url: str  # of each file; {day} is its number
    days: int | None  # number of files; None: one archive


SOURCES = {
    "criteo-terabyte": Source(
        about="Criteo 1TB Click Logs: 24 days, 4.4 billion rows, about 360 GB of .gz",
        license=CRITEO_1TB,
        page="https://ailab.criteo.com/download-criteo-1tb-click-logs-dataset/",
        url="https://huggingface.co/datasets/criteo/CriteoClickLogs/resolve/main/day_{day}.gz",
        days=24,
    ),
    "criteo-kaggle": Source(
        about="Criteo Display Advertising Challenge: 45.8 million rows, an archive of about 4 GB with train.txt",
        license=CRITEO_KAGGLE,
        # also named by facebookresearch/dlrm, README.md
        page="https://ailab.criteo.com/ressources/",
        url="https://go.criteo.net/criteo-research-kaggle-display-advertising-challenge-dataset.tar.gz",
        days=None,
    ),
}
