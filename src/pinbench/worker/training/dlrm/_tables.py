"""What all trainers that hold the tables in one block do alike."""

from collections.abc import Collection

import torch
from torch import Tensor

from pinbench.base.errors import HostError
from pinbench.contract.case import Precision
from pinbench.worker.models.dlrm.config import DlrmConfig


def require_trained(engine: str, precision: Precision, able: Collection[Precision]) -> None:
    """Refuse a precision that gradients are not computed in.

    Raises:
        HostError: says which there are.
    """
    if precision not in able:
        raise HostError(f"ENGINE={engine} trains in {', '.join(able)}, not in {precision}; choose another case")


def named_tables(config: DlrmConfig, tables_RD: Tensor) -> dict[str, Tensor]:
    """Return views of the tables by the reference's names."""
    tables = torch.split(tables_RD, list(config.table_rows))
    return {f"emb_l.{table}.weight": rows_RD for table, rows_RD in enumerate(tables)}
