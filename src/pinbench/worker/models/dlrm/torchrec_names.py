"""The names of torchrec's DLRM_DCN (models/dlrm.py, with DLRMTrain around it) for what we call otherwise."""

from collections.abc import Iterable

from pinbench.worker.models.dlrm.config import DlrmConfig

_TABLE = "sparse_arch.embedding_bag_collection.embedding_bags.t_cat_{}.weight"


def torchrec_names(config: DlrmConfig) -> dict[str, str]:
    """Return our name of each weight by torchrec's."""
    names = {_TABLE.format(table): f"emb_l.{table}.weight" for table in range(config.num_tables)}
    last = len(config.over) - 2
    for kind in ("weight", "bias"):
        for layer in range(len(config.bottom) - 1):
            names[f"dense_arch.model._mlp.{layer}._linear.{kind}"] = f"bot_l.{2 * layer}.{kind}"
        for layer in range(last):
            names[f"over_arch.model.0._mlp.{layer}._linear.{kind}"] = f"top_l.{2 * layer}.{kind}"
        names[f"over_arch.model.1.{kind}"] = f"top_l.{2 * last}.{kind}"
    for layer in range(config.cross_layers):
        for theirs, ours in (("V_kernels", "v"), ("W_kernels", "w"), ("bias", "bias")):
            names[f"inter_arch.crossnet.{theirs}.{layer}"] = f"cross_l.{layer}.{ours}"
    return names


def prefix_of(names: Iterable[str]) -> str | None:
    """Return what stands before "sparse_arch" in names of torchrec: wrappers; None: these are of something else."""
    return next((name.partition("sparse_arch.")[0] for name in names if "sparse_arch.embedding_bag" in name), None)
