"""``pinbench image``: builds the images of workloads, each after what it takes from."""

import os
import shlex
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pinbench.base.errors import ExitCode, LaunchError, UsageError
from pinbench.base.jsonio import write_text
from pinbench.harness.case.source import SOURCE_ROOT, workload_folders
from pinbench.harness.cli._image_settings import make_settings, pairs
from pinbench.harness.image.bom import bom_lines, unused
from pinbench.harness.image.chain import chain, is_pinned, require_given, shared_images, taken_from
from pinbench.harness.image.command import SECRETS, TOOLS, Settings, build_argv, public_name, push_argv
from pinbench.harness.image.dockerfile import ImageFile, read_images
from pinbench.harness.image.export import exported_files
from pinbench.harness.image.pins import unpinned
from pinbench.harness.image.tool import VARIABLE, find_tool, named_tool, size_of
from pinbench.harness.launch.process import run_job

HELP = "build the images of workloads, list what goes into them"

_SHARED = "docker"
_CONSTRAINTS = Path("script", "env", "constraints.txt")
_DEVELOPMENT = "# dev"  # the pins below this line are of packages that no image has


def configure(parser: ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folders",
        nargs="*",
        type=Path,
        metavar="FOLDER",
        help="of a workload, or docker/<part>; default: all workloads",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="print the commands, in order, and run none")
    what.add_argument("--bom", action="store_true", help="print what goes into the images, and build none")
    what.add_argument(
        "--export-dockerfile", type=Path, metavar="DIR", help="write the Dockerfiles, as they are built, to DIR"
    )
    parser.add_argument(
        "--container-engine",
        default="",
        metavar="PROGRAM",
        help=f"{', '.join(TOOLS)}; default: {VARIABLE}, or what works here",
    )
    parser.add_argument(
        "--platform", default="", help="linux/amd64 or linux/arm64; default: that of PLATFORM, or the host's"
    )
    parser.add_argument("--registry", default="", help="what the names of published images begin with [REGISTRY]")
    parser.add_argument("--release", default="", help="tag of the images [RELEASE, or latest]")
    parser.add_argument(
        "--push", action="store_true", help="put the published images into the registry, once all are built"
    )
    parser.add_argument(
        "--build-arg", action="append", default=[], metavar="NAME=VALUE", help="another value for an ARG"
    )
    parser.add_argument(
        "--context", action="append", default=[], metavar="IMAGE=DIR",
        help="a folder of yours for an image that takes one: wheels, a data set, weights",
    )  # fmt: skip
    parser.add_argument(
        "--secret", action="append", default=[], metavar="NAME=FILE",
        help=f"a file that the build reads and no image holds: {', '.join(SECRETS)}",
    )  # fmt: skip
    parser.add_argument(
        "--build", type=Path, metavar="DIR", help="a configured build folder, for its REGISTRY and RELEASE"
    )
    parser.add_argument(
        "--engine-option", action="append", default=[], metavar="WORD",
        help="a word for the engine's build command, e.g. --engine-option=--no-cache",
    )  # fmt: skip


def run(arguments: Namespace) -> int:
    """Build, or say what would be built; 1 when an image cannot be."""
    given = pairs("--build-arg", arguments.build_arg)
    shared = {name: replace(image, given=given) for name, image in shared_images(SOURCE_ROOT / _SHARED).items()}
    chains = {folder: _chain(folder, shared, given) for folder in _folders(arguments.folders)}
    images = {**shared, **{image.name: image for order in chains.values() for image in order}}
    settings = make_settings(arguments, _all(chains), os.environ)
    chosen = arguments.container_engine or os.environ.get(VARIABLE, "")
    for complaint in _complaints(_all(chains), images):
        print(f"pinbench: warning: {complaint}", file=sys.stderr)
    if arguments.bom:
        _print_bom(chains, settings)
    elif arguments.export_dockerfile:
        _export(arguments.export_dockerfile, chains, named_tool(chosen), images, settings)
    elif arguments.dry_run:
        _print_commands(chains, named_tool(chosen), images, settings, pushes=arguments.push)
    else:
        if arguments.push and not settings.registry:
            raise UsageError("--push needs a registry: --registry NAME, or cmake -DREGISTRY=NAME")
        for image in _all(chains).values():
            require_given(image)
        _build(chains, find_tool(chosen), images, settings, pushes=arguments.push)
    return ExitCode.PASSED


def _folders(asked: Sequence[Path]) -> Iterator[Path]:
    """Yield the folders to build, as absolute paths."""
    for folder in asked or workload_folders():
        path = next((one for one in (folder.absolute(), SOURCE_ROOT / folder) if one.is_dir()), None)
        if path is None:
            known = ", ".join(one.name for one in workload_folders())
            raise UsageError(f"{folder}: no such folder; workload/<W> with one of {known}, or docker/<part>")
        yield path.resolve()


def _chain(folder: Path, shared: Mapping[str, ImageFile], given: Mapping[str, str]) -> tuple[ImageFile, ...]:
    own = [replace(image, given=given) for image in read_images(folder)]
    if not own:
        raise UsageError(f"{folder}: no Dockerfile.<digit>.<word> in it, so there is nothing to build")
    return chain(own, {name: image for name, image in shared.items() if image.path.parent != folder})


def _all(chains: Mapping[Path, Sequence[ImageFile]]) -> dict[str, ImageFile]:
    """Return the images of all chains, each once, in building order."""
    return {image.name: image for order in chains.values() for image in order}


def _complaints(images: Mapping[str, ImageFile], ours: Mapping[str, ImageFile]) -> Iterator[str]:
    for image in images.values():
        yield from unpinned(image, ours.keys())
        yield from unused(image)


def _title(folder: Path) -> str:
    return f"# {folder.relative_to(SOURCE_ROOT) if folder.is_relative_to(SOURCE_ROOT) else folder}"


def _print_bom(chains: Mapping[Path, Sequence[ImageFile]], settings: Settings) -> None:
    for folder, order in chains.items():
        print(_title(folder))
        for image in order:
            print(*bom_lines(image, public_name(image, settings)), sep="\n")
    print(f"# python packages ({_CONSTRAINTS}, without those of development)")
    lines = (settings.root / _CONSTRAINTS).read_text(encoding="utf-8").splitlines()
    shipped = lines[: next(number for number, line in enumerate(lines) if line.startswith(_DEVELOPMENT))]
    print(*(line for line in shipped if line and not line.startswith("#")), sep="\n")


def _print_commands(
    chains: Mapping[Path, Sequence[ImageFile]],
    tool: str,
    images: Mapping[str, ImageFile],
    settings: Settings,
    *,
    pushes: bool,
) -> None:
    done: set[str] = set()
    for folder, order in chains.items():
        print(_title(folder))
        for image in _fresh(order, done):
            print(shlex.join(build_argv(tool, image, images, settings)))
    for image in _published(chains, pushes=pushes):
        print(shlex.join(push_argv(tool, image, settings)))


def _export(
    directory: Path,
    chains: Mapping[Path, Sequence[ImageFile]],
    tool: str,
    images: Mapping[str, ImageFile],
    settings: Settings,
) -> None:
    for folder, order in chains.items():
        target = directory / folder.name
        target.mkdir(parents=True, exist_ok=True)
        for name, text in exported_files(tool, order, images, settings).items():
            write_text(target / name, text)
        print(f"{target}: {len(order)} Dockerfiles")


def _build(
    chains: Mapping[Path, Sequence[ImageFile]],
    tool: str,
    images: Mapping[str, ImageFile],
    settings: Settings,
    *,
    pushes: bool,
) -> None:
    done: set[str] = set()
    for folder, order in chains.items():
        print(_title(folder), flush=True)
        for image in _fresh(order, done):
            begin_s = time.monotonic()
            _run_tool(
                build_argv(tool, image, images, settings), f"image {image.name} ({image.path.name})", _way_out(image)
            )
            name = public_name(image, settings)
            print(f"# image: {name}: {size_of(tool, name) or 'built'}, {time.monotonic() - begin_s:.1f} s", flush=True)
    for image in _published(chains, pushes=pushes):
        _run_tool(push_argv(tool, image, settings), f"push of {public_name(image, settings)}", "")


def _fresh(order: Iterable[ImageFile], done: set[str]) -> Iterator[ImageFile]:
    """Yield what no earlier chain has built."""
    for image in order:
        if image.name not in done:
            done.add(image.name)
            yield image


def _published(chains: Mapping[Path, Sequence[ImageFile]], *, pushes: bool) -> Iterator[ImageFile]:
    if pushes:
        yield from (image for image in _all(chains).values() if not image.is_local)


def _run_tool(argv: Sequence[str], what: str, way_out: str) -> None:
    # Without it docker's own builder of old does not know RUN --mount.
    code = run_job(argv, env={**os.environ, "DOCKER_BUILDKIT": "1"})
    if code != 0:
        raise LaunchError(f"{what}: {argv[0]} ended with {code}, and says why above{way_out}")


def _way_out(image: ImageFile) -> str:
    """Return the end of a message about an image that takes from a registry."""
    outside = [name for name, _ in taken_from(image) if is_pinned(name)]
    if not outside:
        return ""
    return (
        f"; it takes from {outside[0]}: without that registry make a base image here with script/image/base, and give "
        "--build-arg DEBIAN_IMAGE=NAME"
    )
