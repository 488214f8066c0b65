"""``pinbench data download``: fetches raw files from where their publisher has them, or from where you say."""

import os
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pinbench.base.errors import UsageError
from pinbench.contract.data import Download, DownloadJob
from pinbench.harness.cli._data_consent import require_consent
from pinbench.harness.cli._data_order import Order
from pinbench.harness.cli._data_sources import SOURCES, Source
from pinbench.harness.cli._data_web import read_checksums, require_http
from pinbench.harness.cli._data_words import number_list, output_folder

HELP = "fetch raw files; contacts a host, so it wants a licence accepted first"

_DAY = "{day}"
_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)


def configure(parser: ArgumentParser) -> None:
    """Add the arguments of this command to `parser`."""
    add = parser.add_argument
    sets = "; ".join(f"{name}: {source.about}" for name, source in SOURCES.items())
    add("source", choices=list(SOURCES), metavar="SET", help=sets)
    add("--output", required=True, metavar="DIR", help="directory that gets the files")
    add("--days", metavar="LIST", help="of criteo-terabyte only these days, such as 0-3,23 [all 24]")
    add("--url", metavar="URL", help="take the files from here; {day} stands for a day's number")
    add("--sha256", metavar="HEX", help="digest that the file must have; for one file")
    add("--checksums", metavar="FILE", help="digests of the files by name, as sha256sum writes them")
    add("--accept-license", action="store_true", help="accept the licence of the data, which is shown")


def make_order(arguments: Namespace) -> Order:
    """Return the orders, once the words are right and the licence is accepted.

    Raises:
        UsageError: a word is wrong, or the licence is not accepted.
    """
    source = SOURCES[arguments.source]
    urls = _urls(source, arguments.url or source.url, arguments.days)
    names = [_name(url) for url in urls]
    digests = _digests(names, arguments.sha256, arguments.checksums)
    files = tuple(
        Download(url=url, sha256=digests.get(name), name=name, page=source.page)
        for url, name in zip(urls, names, strict=True)
    )
    job = DownloadJob(files=files, output=output_folder(arguments.output))
    require_consent(source.license, accepts=arguments.accept_license, environment=os.environ)
    return Order(command="download", job=job)


def show(order: Order) -> None:
    """Print where the files are and what comes next."""
    assert isinstance(order.job, DownloadJob)
    output = Path(order.job.output)
    print(f"{output.resolve()}: {len(order.job.files)} file(s)")
    for file in order.job.files:
        if file.name.endswith(".tar.gz"):
            print(f"unpack it with: tar -xzf {output / file.name} -C {output}")


def _urls(source: Source, url: str, days: str | None) -> list[str]:
    require_http(url)
    if source.days is None:
        if days is not None or _DAY in url:
            raise UsageError("--days and {day} are of criteo-terabyte; criteo-kaggle is one archive")
        return [url]
    numbers = range(source.days) if days is None else number_list("--days", days, source.days - 1)
    if _DAY not in url and len(numbers) > 1:
        raise UsageError(f"--url needs {_DAY} for {len(numbers)} days, got {url!r}; or choose one day with --days")
    return [url.replace(_DAY, str(number)) for number in numbers]


def _name(url: str) -> str:
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    if not name or name.startswith(".") or "\0" in name:
        raise UsageError(f"--url must end in the name of a file, got {url!r}")
    return name


def _digests(names: Sequence[str], sha256: str | None, checksums: str | None) -> Mapping[str, str]:
    if sha256 is not None and checksums is not None:
        raise UsageError("--sha256 and --checksums say the same; leave one of them out")
    if checksums is not None:
        known = read_checksums(Path(checksums))
        if missing := [name for name in names if name not in known]:
            raise UsageError(f"--checksums {checksums} has no line for {missing[0]}")
        return known
    if sha256 is None:
        return {}
    if len(names) > 1:
        raise UsageError(f"--sha256 is for one file, not for {len(names)}; write a file for --checksums")
    if not _SHA256.fullmatch(sha256):
        raise UsageError(f"--sha256 must be 64 hexadecimal digits, got {sha256!r}")
    return {names[0]: sha256.lower()}
