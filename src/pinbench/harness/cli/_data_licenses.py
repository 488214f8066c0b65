"""The licences of raw data sets: what is shown before a set is touched.

The notices are ours, not the licences: those stand where `text_at` says. Sources: the page and the data card of the
1 TB set (licence cc-by-nc-sa-4.0); the legal code of that licence; the file of terms in the archive of the Kaggle set.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class License:
    """Terms that whoever uses a data set must have accepted."""

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
LICENSES = {known.id: known for known in (CRITEO_1TB, CRITEO_KAGGLE)}


def notice(terms: License) -> str:
    """Return the lines that are shown."""
    gist = "\n".join(f"  - {line}" for line in terms.gist)
    return f"{terms.covers}\nlicence: {terms.name}\nits gist, in our words:\n{gist}\nfull text: {terms.text_at}\n"
