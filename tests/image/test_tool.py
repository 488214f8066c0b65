import pytest

from pinbench.base.errors import LaunchError, UsageError
from pinbench.harness.image.tool import find_tool, named_tool, size_of


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put programs on an otherwise empty PATH: name -> lines of a shell."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(**scripts):
        for name, script in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
            (tmp_path / name).chmod(0o755)

    return put


def test_the_first_that_works_is_taken(programs):
    programs(docker="echo 'Cannot connect to the daemon' >&2; exit 1", podman="exit 0", buildah="exit 0")
    assert find_tool("") == "podman"


def test_of_docker_the_server_must_answer_too(programs):
    programs(docker='test "$1" = info || exit 1')
    assert find_tool("") == "docker"


def test_without_any_the_line_says_of_each_why(programs):
    programs(docker="echo 'Cannot connect to the daemon' >&2; exit 1")
    with pytest.raises(LaunchError) as caught:
        find_tool("")
    assert str(caught.value) == (
        "no container engine works here: docker does not work: Cannot connect to the daemon; podman is not on PATH; "
        "buildah is not on PATH; install podman or another of them"
    )


def test_one_that_is_chosen_must_be_there_and_known(programs):
    programs(podman="exit 0")
    assert find_tool("podman") == "podman"
    with pytest.raises(UsageError, match="container engine docker: no such program"):
        find_tool("docker")
    with pytest.raises(UsageError, match="container engine kaniko is not known; there are: docker, podman, buildah"):
        find_tool("kaniko")


def test_a_command_can_be_shown_without_any(programs):
    programs()
    assert named_tool("") == "docker"
    assert named_tool("buildah") == "buildah"


def test_a_size_is_what_the_tool_says_or_nothing(programs):
    programs(podman='test "$4" = there:v1 && echo "1.2 GB"')
    assert size_of("podman", "there:v1") == "1.2 GB"
    assert size_of("podman", "gone:v1") is None
