"""The official client of Kubernetes, which is a level of its own: `script/env/python kubernetes`."""

import importlib
import importlib.util
import sys
from typing import Any

from pinbench.base.errors import LaunchError


def require_client(part: str = "client") -> Any:
    """Return the module `part` of the client.

    Raises:
        LaunchError: it is not installed; says how to get it.
    """
    if importlib.util.find_spec("kubernetes") is None:
        raise LaunchError(
            f"BACKEND=kubernetes needs the package kubernetes, which {sys.executable} does not have; "
            "`script/env/python kubernetes` installs it"
        )
    return importlib.import_module(f"kubernetes.{part}")


def broken_connection() -> tuple[type[Exception], ...]:
    """Return what the client and what it stands on raise when a connection breaks; they share no base of their own.

    Raises:
        LaunchError: the client is not installed.
    """
    require_client()
    sockets, requests = importlib.import_module("websocket"), importlib.import_module("urllib3.exceptions")
    # ValueError: of poll(2) on a socket that was closed meanwhile
    return OSError, ValueError, sockets.WebSocketException, requests.HTTPError
