"""``sbom.py FILE``: what is inside this image, as a software bill of materials (CycloneDX 1.6, JSON).

Debian's packages as dpkg knows them, and the Python packages of the interpreter that runs this. Package URLs are
those of the package-url specification, types ``deb`` and ``pypi``. Nothing in it depends on when it was made.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import quote

Component = dict[str, str]
_FIELDS = "${db:Status-Abbrev}\t${Package}\t${Version}\t${Architecture}\n"


def debian_components(listing: str, system: dict[str, str]) -> list[Component]:
    """Return what `listing`, lines of dpkg-query in the form `_FIELDS`, says is installed on `system` (os-release)."""
    rows = [line.split("\t") for line in listing.splitlines()]
    place = f"deb/{system['ID']}"
    release = f"{system['ID']}-{system['VERSION_ID']}"
    return [
        _component(name, version, f"pkg:{place}/{quote(name)}@{quote(version)}?arch={architecture}&distro={release}")
        for status, name, version, architecture in sorted(rows)
        if status.startswith("ii")
    ]


def python_components(found: Iterable[tuple[str, str]]) -> list[Component]:
    """Return Python packages, given as name and version."""
    # PEP 503: names that differ in these only are the same.
    named = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in found}
    return [_component(name, version, f"pkg:pypi/{name}@{quote(version)}") for name, version in sorted(named.items())]


def document(components: list[Component], system: dict[str, str]) -> dict[str, object]:
    """Return the bill of materials."""
    operating_system = {"type": "operating-system", "name": system["ID"], "version": system["VERSION_ID"]}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {**operating_system, "bom-ref": "system"}},
        "components": components,
    }


def os_release(text: str) -> dict[str, str]:
    """Return the fields of os-release(5)."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {name: value.strip("\"'") for name, _, value in pairs}


def _component(name: str, version: str, purl: str) -> Component:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}


def main(path: Path) -> int:
    """Write the bill of materials and say how long it is."""
    listing = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={_FIELDS}"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    system = os_release(Path("/etc/os-release").read_text(encoding="utf-8"))
    inside = [*debian_components(listing, system), *python_components((d.name, d.version) for d in distributions())]
    path.write_text(json.dumps(document(inside, system), indent=1) + "\n", encoding="utf-8")
    print(f"{path}: {len(inside)} packages")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
