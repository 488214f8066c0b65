"""The bill of what is inside an image. The forms are those of CycloneDX 1.6 and of the package-url specification."""

import json
import sys
from urllib.parse import unquote

from documents import ROOT

sys.path.insert(0, str(ROOT / "script" / "image"))  # its modules are scripts, not a part of the package
import sbom

_SYSTEM = {"ID": "debian", "VERSION_ID": "12"}
_LISTING = "ii \tg++\t4:12.2.0-3\tamd64\nrc \tgone\t1\tall\nii \tadduser\t3.134\tall\n"


def test_packages_of_debian_are_those_that_are_installed_with_their_epoch_and_architecture():
    adduser, compiler = sbom.debian_components(_LISTING, _SYSTEM)
    assert adduser["purl"] == "pkg:deb/debian/adduser@3.134?arch=all&distro=debian-12"
    assert (compiler["name"], compiler["version"]) == ("g++", "4:12.2.0-3")
    assert unquote(compiler["purl"]) == "pkg:deb/debian/g++@4:12.2.0-3?arch=amd64&distro=debian-12"
    assert "+" not in compiler["purl"]


def test_packages_of_python_have_one_spelling_and_local_versions_are_quoted():
    (torch, extensions) = sbom.python_components([("typing_extensions", "4.16.0"), ("Torch", "2.13.0+cpu")])
    assert torch["purl"] == "pkg:pypi/torch@2.13.0%2Bcpu"
    assert extensions["purl"] == "pkg:pypi/typing-extensions@4.16.0"


def test_the_document_names_the_system_and_each_component_once():
    parts = sbom.debian_components(_LISTING, _SYSTEM)
    document = json.loads(json.dumps(sbom.document(parts, _SYSTEM)))
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert document["metadata"]["component"]["type"] == "operating-system"
    references = [one["bom-ref"] for one in document["components"]]
    assert len(set(references)) == len(references) == 2


def test_os_release_is_read_with_and_without_quotes():
    assert sbom.os_release('NAME="Debian GNU/Linux"\n# a remark\nID=debian\n') == {
        "NAME": "Debian GNU/Linux",
        "ID": "debian",
    }
