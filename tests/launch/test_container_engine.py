"""What docker and podman say, as both say it, and what they do not."""

import pytest

from pinbench.base.errors import LaunchError, UsageError
from pinbench.contract.result import ContainerFacts
from pinbench.harness.launch.container_engine import Engine, find_engine

DOCKER = '{"Client":{"Version":"28.2.2"},"Server":{"Version":"20.10.24"}}'
PODMAN = '{"Client":{"APIVersion":"4.3.1","Version":"4.3.1"}}'
NO_SERVER = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put programs on PATH, and nothing else there, that print a text or fail with one."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, text, code=0):
        script = tmp_path / name
        script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{text}' >&{1 if code == 0 else 2}\nexit {code}\n")
        script.chmod(0o755)

    return put


def test_docker_is_taken_with_the_version_of_its_server(install):
    install("docker", DOCKER)
    install("podman", PODMAN)
    assert find_engine("") == Engine(program="docker", title="docker 20.10.24")
    assert find_engine("podman") == Engine(program="podman", title="podman 4.3.1")


def test_podman_is_taken_where_docker_is_but_a_client(install):
    install("docker", NO_SERVER, 1)
    install("podman", PODMAN)
    assert find_engine("").title == "podman 4.3.1"


def test_without_any_engine_each_is_told_and_the_way_out(install):
    install("docker", NO_SERVER, 1)
    with pytest.raises(LaunchError) as caught:
        find_engine("")
    assert str(caught.value) == (
        f"no container engine works here: docker does not work: {NO_SERVER}; podman is not on PATH; "
        "install podman, or use BACKEND=native"
    )


def test_one_that_was_chosen_is_not_replaced(install):
    install("podman", PODMAN)
    with pytest.raises(UsageError, match="CONTAINER_ENGINE=docker: no such program"):
        find_engine("docker")


def test_a_program_that_says_something_else_is_no_engine(install):
    install("docker", "Docker version 20")
    with pytest.raises(LaunchError, match="docker version says something else than its version"):
        find_engine("docker")


@pytest.mark.parametrize(
    ("said", "identity", "digest"),
    [
        ('[{"Id":"sha256:12","RepoDigests":["r.example.org/i@sha256:34"]}]', "sha256:12", "r.example.org/i@sha256:34"),
        ('[{"Id":"12","RepoDigests":["localhost/i@sha256:34"]}]', "sha256:12", None),
        ('[{"Id":"12","RepoDigests":null}]', "sha256:12", None),
    ],
)
def test_an_image_is_known_by_its_id_and_by_the_digest_of_a_registry(install, said, identity, digest):
    install("docker", said)
    engine = Engine(program="docker", title="docker 1")
    assert engine.find_image("i:t") == ContainerFacts(engine="docker 1", image="i:t", image_id=identity, digest=digest)


@pytest.mark.parametrize(
    ("said", "ending"),
    [
        ('[{"State":{"Running":true}}]', None),
        ('[{"State":{"Running":false,"ExitCode":137,"OOMKilled":true}}]', "ended with code 137, for want of memory"),
        ('[{"State":{"Running":false,"ExitCode":2}}]', "ended with code 2"),
    ],
)
def test_how_a_container_ended(install, said, ending):
    install("docker", said)
    found = Engine(program="docker", title="docker 1").ending("n")
    assert found is None if ending is None else found.startswith(ending)


@pytest.mark.parametrize("words", ["Error: No such container: n", "Error: no container with name or ID n found"])
def test_what_is_gone_needs_no_removal(install, words):
    install("docker", words, 1)
    Engine(program="docker", title="docker 1").remove("n")


def test_a_container_that_stays_is_told_with_the_command_that_removes_it(install):
    install("docker", "Error: device or resource busy", 1)
    with pytest.raises(LaunchError, match="container n is left: Error: device or resource busy; remove it: docker rm"):
        Engine(program="docker", title="docker 1").remove("n")
