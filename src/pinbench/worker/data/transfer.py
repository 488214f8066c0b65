"""One attempt to fetch what is missing of a file by HTTP.

Sources: RFC 9110, sections 13.1.5 (If-Range), 14.2 (Range), 14.4 (Content-Range), 15.5.17 (416).
"""

import http.client
import re
import shutil
import ssl
import urllib.error
import urllib.request

from pinbench import __version__
from pinbench.base.errors import DataError
from pinbench.base.units import MIB, format_bytes
from pinbench.contract.data import Download
from pinbench.worker.data.meter import Meter
from pinbench.worker.data.partial import Origin, Part

_BLOCK_BYTES = MIB
_TIMEOUT_S = 60.0  # until a connection stands, and of a read that brings nothing
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)", re.ASCII)
# Request Timeout, Too Many Requests, and the faults of a server or gateway that pass (RFC 9110, 15.5.9, 15.6;
# RFC 6585, 4)
_PASSING = {408, 429, 500, 502, 503, 504}
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206


class BrokenOffError(Exception):
    """The attempt ended before the file did; another may go on."""


def fetch_rest(file: Download, part: Part, meter: Meter) -> None:
    """Append to `part` what is missing of `file`.

    Args:
        file: what to fetch.
        part: what is there; begun anew when the server has another file now, or cannot send a part of it.
        meter: told of what comes.

    Raises:
        BrokenOffError: another attempt may help.
        DataError: it would not.
    """
    if part.origin is not None and part.origin.total_bytes == part.size_bytes:
        return
    with _open(file, part) as answer:
        _settle_beginning(file, part, answer)
        assert part.origin is not None
        total_bytes = part.origin.total_bytes
        _require_end(file, answer, total_bytes)
        _require_space(part, total_bytes)
        meter.start(part.size_bytes, total_bytes)
        while block := _read(answer):
            part.append(block)
            meter.update(part.size_bytes)
        meter.end()
    if total_bytes is not None and part.size_bytes < total_bytes:
        raise BrokenOffError(f"ended after {format_bytes(part.size_bytes)} of {format_bytes(total_bytes)}")


def _open(file: Download, part: Part) -> http.client.HTTPResponse:
    request = urllib.request.Request(file.url, headers={"User-Agent": f"pinbench/{__version__}"})
    if part.size_bytes and part.origin is not None and part.origin.validator is not None:
        request.add_header("Range", f"bytes={part.size_bytes}-")
        request.add_header("If-Range", part.origin.validator)
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        raise _refused(file, part, error) from error
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(file, part, error) from error
    return answer


def _refused(file: Download, part: Part, error: urllib.error.HTTPError) -> Exception:
    if error.code == _RANGE_NOT_SATISFIABLE and part.size_bytes:
        part.begin(None)
        return BrokenOffError("the server has a shorter file than the part that is here, which is dropped")
    if error.code in _PASSING:
        return BrokenOffError(f"the server answers {error.code} {error.reason}")
    return DataError(
        f"{file.url}: the server answers {error.code} {error.reason}; look up where the file is now ({file.page}) and "
        "name it with --url"
    )


def _unreachable(file: Download, part: Part, error: Exception) -> Exception:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    if part.size_bytes and not isinstance(reason, ssl.SSLError):
        return BrokenOffError(f"the server cannot be reached: {said}")
    return DataError(f"{file.url} cannot be reached: {said}; check the address, the network and https_proxy")


def _settle_beginning(file: Download, part: Part, answer: http.client.HTTPResponse) -> None:
    """Make `part` end where `answer` begins."""
    if answer.status == _PARTIAL_CONTENT:
        span = _CONTENT_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != part.size_bytes:
            part.begin(None)
            raise BrokenOffError("the server sends another part than the one that is missing")
        return
    length = answer.headers.get("Content-Length")
    total_bytes = int(length) if length is not None and length.isdecimal() else None
    part.begin(Origin(url=file.url, validator=_validator(answer), total_bytes=total_bytes))


def _validator(answer: http.client.HTTPResponse) -> str | None:
    """Return what tells this file from a later one at the same address; a weak ETag does not."""
    etag = answer.headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return etag
    return answer.headers.get("Last-Modified")


def _require_end(file: Download, answer: http.client.HTTPResponse, total_bytes: int | None) -> None:
    """Refuse an answer of which nothing tells the end from a broken connection."""
    if total_bytes is None and not answer.chunked and file.sha256 is None:
        raise DataError(f"{file.url}: the server does not say how large the file is; give its digest with --sha256")


def _require_space(part: Part, total_bytes: int | None) -> None:
    if total_bytes is None:
        return
    needed_bytes = total_bytes - part.size_bytes
    free_bytes = shutil.disk_usage(part.folder).free
    if free_bytes < needed_bytes:
        raise DataError(
            f"too little space in {part.folder}: {format_bytes(needed_bytes)} needed, {format_bytes(free_bytes)} free; "
            "choose an --output on another disk"
        )


def _read(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read(_BLOCK_BYTES)
    except http.client.IncompleteRead as error:
        raise BrokenOffError("the connection ended in the middle") from error
    except (OSError, http.client.HTTPException) as error:
        raise BrokenOffError(f"the connection broke: {error}") from error
