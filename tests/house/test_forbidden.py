"""Words that must not stand in any file: they hide a failure, run a text, or belong to a machine, not to the suite."""

import re

import pytest
from documents import ROOT, tracked_files

_CODE = r"\.(py|sh|cmake|txt|toml|ya?ml)$|^[^.]+$"  # doors have no extension
_ANY = r""

# (what, in which files, pattern); written so that this file does not find itself
_FORBIDDEN = [
    ("a path of one machine", _ANY, r"(?<![\w.])/wor[k]/|(?<!\w)/tmp/[w]/|(?<!\w)/roo[t]/"),
    ("a host of a package registry", _ANY, r"pypi\.or[g]|pythonhosted\.or[g]|download\.pytorch\.or[g]|crates\.i[o]"),
    ("a container with all rights", _ANY, r"--privilege[d]"),
    ("a text that is run", _CODE, r"(?<![\w.])eva[l][ (]|(?<![\w.])exe[c]\(|o[s]\.system\("),
    ("a shell for a command", _CODE, r"shell=[T]rue"),
    ("a failure that is hidden", _CODE, r"\|\| [t]rue|2>/dev/nul[l]|&>/dev/nul[l]"),
    ("work that is not done", _ANY, r"\b(TOD[O]|FIXM[E]|XX[X])\b"),
]


def _text(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""  # recorded data


@pytest.mark.parametrize(("what", "where", "pattern"), _FORBIDDEN, ids=[row[0] for row in _FORBIDDEN])
def test_no_file_has(what, where, pattern):
    found = []
    for path in tracked_files():
        name = str(path.relative_to(ROOT))
        if not re.search(where, path.name) or name.startswith("tests/data/"):
            continue
        found += [
            f"{name}:{number}: {line.strip()}"
            for number, line in enumerate(_text(path).splitlines(), 1)
            if re.search(pattern, line)
        ]
    assert found == [], what


@pytest.mark.parametrize(
    "line",
    [
        "python train.py || " + "true",
        "kpi.sh 2>" + "/dev/null",
        "subprocess.run(line, shell=" + "True)",
        "ev" + 'al "$command"',
    ],
)
def test_the_patterns_find_what_they_are_for(line):
    assert any(re.search(pattern, line) for _, _, pattern in _FORBIDDEN)
