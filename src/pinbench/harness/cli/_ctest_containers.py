"""What ctest.sh does with images and containers, beside running cases in them."""

import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from pinbench.base.errors import ExitCode, UsageError
from pinbench.harness.case.catalog import cases
from pinbench.harness.case.image import image_name
from pinbench.harness.case.naming import TEST_PREFIX
from pinbench.harness.case.platforms import Platform
from pinbench.harness.case.workload import load_workload
from pinbench.harness.cli._build_folder import BuildSettings
from pinbench.harness.cli._ctest_words import Words
from pinbench.harness.cli._run_backend import container_engine, full_image_name
from pinbench.harness.launch.container_argv import stop_argv, tail_argv
from pinbench.harness.launch.container_engine import Engine, find_engine

_PUSH_LIMIT_S = 3600.0
_MANIFEST_LIMIT_S = 60.0
_STOP_LIMIT_S = 30.0  # a run that was asked to end takes some seconds, and its caller fetches the logs meanwhile
_TICK_S = 0.5


def run_container_action(words: Words, settings: Sequence[BuildSettings], platform: Platform) -> int:
    """Do what `words.container_action` says, print what came of it, and return the exit code.

    Raises:
        UsageError: the build is not for containers, or the option's value makes no sense.
        LaunchError: there is no engine, or it refuses.
    """
    assert words.container_action is not None, "the caller looks"
    name, value = words.container_action
    if not settings:
        raise UsageError(f"{name}: this build folder has no workload")
    engine = find_engine(container_engine(settings[0], os.environ))
    if name == "--status":
        return _status(engine, value)
    if name == "--stop":
        return _stop(engine, value)
    images = _images(words.pattern or "", settings, platform)
    if name == "--check-docker-image":
        return _check(engine, images)
    return _push(engine, images, value or settings[0].registry)


def _status(engine: Engine, lines: str) -> int:
    if lines and not re.fullmatch(r"[0-9]{1,6}", lines):
        raise UsageError(f"--status={lines} is no number of lines")
    found = engine.containers()
    print("\n".join(f"{name}  {state}  {image}" for name, state, image in found) or "no case runs in a container")
    for name, _, _ in found if lines else ():
        print(f"==> {name} <==\n{engine.ask(tail_argv(engine.program, name, int(lines)))}", end="")
    return ExitCode.PASSED


def _stop(engine: Engine, prefix: str) -> int:
    """End the containers whose case begins with `prefix`; the caller of each, where there is one, gets the logs."""
    chosen = [name for name, _, _ in engine.containers() if prefix in ("", "all") or _case(name).startswith(prefix)]
    for name in chosen:
        if engine.ending(name) is None:
            engine.ask(stop_argv(engine.program, name))
        give_up = time.monotonic() + _STOP_LIMIT_S
        while engine.ending(name) is None and time.monotonic() < give_up:
            time.sleep(_TICK_S)
        engine.remove(name)
        print(f"{name}: stopped and removed", flush=True)
    if not chosen:
        print(f"no case{'' if prefix in ('', 'all') else f' {prefix}...'} runs in a container")
    return ExitCode.PASSED


def _case(container: str) -> str:
    return container.removeprefix("pinbench-")


def _images(
    pattern: str, settings: Sequence[BuildSettings], platform: Platform
) -> tuple[tuple[str, BuildSettings], ...]:
    """Return the full names of the images that the cases which `pattern` finds run in, each once, in their order."""
    found: dict[str, BuildSettings] = {}
    names: Callable[[str], object] = re.compile(pattern).search
    for each in settings:
        workload = load_workload(Path(each.source))
        for case in cases(workload, platform):
            if names(TEST_PREFIX + case.name):
                found.setdefault(full_image_name(each, image_name(workload, case)), each)
    if not found:
        raise UsageError(f"-R {pattern!r} selects no case")
    return tuple(found.items())


def _check(engine: Engine, images: Sequence[tuple[str, BuildSettings]]) -> int:
    """Say where each image is; 1 where one is nowhere."""
    missing = 0
    for image, settings in images:
        if (facts := engine.find_image(image)) is not None:
            print(f"{image}: here, {facts.digest or facts.image_id}")
        elif settings.registry and engine.is_in_registry(image, _MANIFEST_LIMIT_S):
            print(f"{image}: in the registry")
        else:
            print(f"{image}: missing; build it with build.sh")
            missing += 1
    return ExitCode.FAILED if missing else ExitCode.PASSED


def _push(engine: Engine, images: Sequence[tuple[str, BuildSettings]], registry: str) -> int:
    if not registry:
        raise UsageError("--push-docker-image needs a registry: --push-docker-image=REGISTRY, or cmake -DREGISTRY=")
    for image, settings in images:
        target = f"{registry.rstrip('/')}/{image.removeprefix(settings.registry)}"
        if target != image:
            engine.ask([engine.program, "tag", image, target])
        engine.ask([engine.program, "push", target], _PUSH_LIMIT_S)
        print(f"{target}: pushed", flush=True)
    return ExitCode.PASSED
