import re

import pytest
from dockerfiles import image

from pinbench.harness.image.pins import unpinned, unpinned_words

_DIGEST = "@sha256:" + "ab" * 32
_COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("FROM debian:bookworm-slim", "image debian:bookworm-slim has no digest"),
        ("FROM debian@sha256:abc", "has no digest"),
        ("ARG X_IMAGE=python:3.11\nFROM ${X_IMAGE}", "image python:3.11 has no digest"),
        ("FROM scratch\nCOPY --from=busybox /a /b", "image busybox has no digest"),
        ("FROM scratch\nRUN --mount=type=bind,from=busybox,target=/x true", "image busybox has no digest"),
        ("FROM scratch\nADD https://example.org/a.tgz /", "ADD https://example.org/a.tgz has no --checksum"),
        ("FROM scratch\nADD git@example.org:a.git /", "has no --checksum"),
        ("FROM scratch\nRUN curl -fsSL https://example.org/a | tar x", "curl without sha256sum --check"),
        ("FROM scratch\nRUN mkdir x && wget https://example.org/a", "wget without sha256sum --check"),
        ("FROM scratch\nRUN curl -O https://example.org/a && sha256sum --check sums", "curl without"),
        ("FROM scratch\nRUN git clone https://example.org/a", "git clone without a commit"),
        ("FROM scratch\nRUN pip install torch", "pip install torch has no version"),
        ("FROM scratch\nRUN pip3 install --upgrade pip", "pip install pip has no version"),
        ("FROM scratch\nRUN pip install torch>=2.0", "pip install torch>=2.0 has no version"),
        ("FROM scratch\nRUN X=1 python3 -m pip install numpy==1.0 yaml", "pip install yaml has no version"),
        ("FROM scratch\nRUN pip install -r requirements.txt", "--requirement without --require-hashes"),
        ('FROM scratch\nRUN ["/opt/venv/bin/pip", "install", "torch"]', "pip install torch has no version"),
        ("FROM scratch\nRUN apt-get update && apt-get install -y g++", r"apt-get install g\+\+ has no version"),
        ("FROM scratch\nRUN apt-get upgrade -y", "takes whatever is newest"),
        ("FROM scratch\nARG A_VER=1\nRUN /run/image/apt-install a=${A_VER} b", "apt-install install b has no version"),
        ("FROM scratch\nRUN if true; then apt-get install -y g++; fi", "has no version"),
        ("FROM scratch\nRUN (cd /x; npm install)", "npm: nothing here can see"),
        ("FROM scratch\nRUN conda install -y a", "conda: nothing here can see"),
    ],
)  # fmt: skip
def test_what_is_not_pinned_is_found(line, complaint):
    found = list(unpinned(image(line), {"base"}))
    assert len(found) == 1, found
    assert re.search(complaint, found[0]), found
    assert found[0].startswith("/w/Dockerfile.1.a:")


@pytest.mark.parametrize(
    "line",
    [
        "FROM base AS a\nFROM base:v1\nCOPY --from=a /x /x\nCOPY --from=base /x /x",
        f"ARG X_IMAGE=debian:12{_DIGEST}\nFROM ${{X_IMAGE}}",
        "ARG CANN_IMAGE\nFROM ${CANN_IMAGE}",
        f"FROM scratch\nADD --checksum=sha256:{'0' * 64} https://example.org/a /",
        f"FROM scratch\nADD https://example.org/a.git#{_COMMIT} /",
        f"FROM scratch\nRUN curl -o a https://example.org/a && echo '{'0' * 64}  a' | sha256sum --check",
        f"FROM scratch\nRUN git clone https://example.org/a && git -C a checkout {_COMMIT}",
        "FROM scratch\nRUN pip install --constraint c.txt torch",
        "FROM scratch\nRUN pip install --require-hashes -r r.txt",
        "FROM scratch\nARG T_VER=2\nRUN pip install --find-links /w torch==${T_VER} .",
        "FROM scratch\nARG G_VER=4:12\nRUN apt-get update && apt-get install -y g++=${G_VER} && apt-get clean",
        "FROM scratch\nRUN echo go && pip --version",
    ],
)
def test_what_is_pinned_is_left_alone(line):
    assert list(unpinned(image(line), {"base"})) == []


def test_commands_of_scripts_are_judged_by_the_same_rules():
    assert list(unpinned_words("exec pip install x; true")) == ["pip install x has no version (x==...)"]
