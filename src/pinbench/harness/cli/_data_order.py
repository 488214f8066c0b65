"""What one of the ``pinbench data`` commands asks of its child process."""

from dataclasses import dataclass

from pinbench.contract.data import DescribeJob, DownloadJob, PrepareJob, SynthesizeJob


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The content of the child's orders file, and whether it reads our stdin."""

    command: str  # prepare, synthesize, describe or download
    job: PrepareJob | SynthesizeJob | DescribeJob | DownloadJob
    reads_stdin: bool = False
