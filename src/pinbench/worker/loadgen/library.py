"""LoadGen itself, MLCommons' library: imported only where a scenario is asked for."""

import importlib
import importlib.util
from typing import Any

from pinbench.base.errors import HostError


def load_library() -> Any:
    """Return the module `mlperf_loadgen`.

    Raises:
        HostError: it is not installed; says how to get it, and where there is none.
    """
    if importlib.util.find_spec("mlperf_loadgen") is None:
        raise HostError(
            "SCENARIO needs mlcommons-loadgen, which this interpreter does not have; `script/env/python mlperf` "
            "installs it on x86-64 with Python 3.11 to 3.13, elsewhere there is no package of it"
        )
    return importlib.import_module("mlperf_loadgen")
