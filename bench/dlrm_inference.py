"""DLRM inference against the reference algorithm, in one process and in turn: samples/s and their ratio.

The peer is what facebookresearch/dlrm computes (dlrm_s_pytorch.py): 26 EmbeddingBags, nn.Linear, bmm, and the pairs
taken by index lists that are made anew at each call, all in PyTorch eager, fp32. Both sides get the same weights and
rows. A round runs each side for --seconds; the ratio of a round is ours over the peer's of the same round.

    python bench/dlrm_inference.py --batch-size 128 2048 --threads 2
"""

import argparse
import statistics
from collections.abc import Callable

import torch
from _dlrm.reference import ReferenceAlgorithm, mlperf_config, rate, tables_of
from torch import Tensor

from pinbench.base.plugin import load_plugin
from pinbench.worker import precision as precisions
from pinbench.worker.data.criteo.batches import Batch, synthetic_batches
from pinbench.worker.models.dlrm.config import DlrmConfig
from pinbench.worker.models.dlrm.model import Dlrm
from pinbench.worker.models.dlrm.rows import SeededOrigin
from pinbench.worker.onednn.packed_linear import pack_linears
from pinbench.worker.onednn.peak import gemm_peak_flop_per_s


def compare(batch_size: int, arguments: argparse.Namespace, config: DlrmConfig, tables_RD: Tensor) -> None:
    origin = SeededOrigin(config, 0)
    batches = synthetic_batches(
        batch_size=batch_size,
        count=max(4, min(512, 32_768 // batch_size)),
        table_rows=config.table_rows,
        alpha=arguments.alpha,
        seed=0,
        shard=0,
    )
    reference = ReferenceAlgorithm(config, tables_RD, origin.stacks())
    offset_FB = [torch.arange(batch_size)] * config.num_tables
    # The reference is given its indices as its own loader makes them: one contiguous list a table.
    by_table = {id(batch): [ids.contiguous() for ids in batch.sparse_BF.unbind(1)] for batch in batches}
    calls: dict[str, Callable[[Batch], Tensor]] = {
        "reference fp32": lambda batch: reference(batch.dense_BI, offset_FB, by_table[id(batch)])
    }
    for name in arguments.precision:
        precision = load_plugin(precisions, name)
        model = Dlrm(config, tables_RD.to(precision.TABLE_DTYPE))
        model.load_stacks(origin.stacks())
        compiled = pack_linears(precision.apply(model).for_inference(batch_size), batch_size).eval()
        calls[f"eager {name}"] = lambda batch, compiled=compiled: compiled(batch.dense_BI, batch.sparse_BF)
    rates: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        rate(call, batches, arguments.seconds)
    for _ in range(arguments.rounds):
        for name, call in calls.items():
            rates[name].append(rate(call, batches, arguments.seconds))
    for name, values in rates.items():
        ratios = [ours / peer for ours, peer in zip(values, rates["reference fp32"], strict=True)]
        median = statistics.median(values)
        print(
            f"B={batch_size:<6} {name:16} {median:12,.0f} samples/s  {statistics.median(ratios):5.2f}x "
            f"[{min(ratios):.2f} .. {max(ratios):.2f}]  n={len(values)}  "
            f"{median * config.flops_per_sample / 1e9:7.0f} GFLOP/s"
        )


def _precisions() -> list[str]:
    has_bfloat16 = torch.ops.mkldnn._is_mkldnn_bf16_supported()  # not on AVX2 alone, nor on Arm before 8.6
    return ["fp32", "bfloat16"] if has_bfloat16 else ["fp32"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, nargs="+", default=[1, 128, 2048])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", nargs="+", default=_precisions(), help="default: those that oneDNN has here")
    parser.add_argument("--max-ind-range", type=int, default=500_000)
    parser.add_argument("--alpha", type=float, default=1.05)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5)
    arguments = parser.parse_args()
    torch.set_grad_enabled(False)
    torch.set_num_threads(arguments.threads)
    config = mlperf_config(arguments.max_ind_range)
    tables_RD = tables_of(config, SeededOrigin(config, 0), arguments.threads)
    for name in arguments.precision:
        dtype = load_plugin(precisions, name).MULTIPLY_DTYPE
        print(f"GEMM peak {dtype}: {gemm_peak_flop_per_s(dtype) / 1e9:.0f} GFLOP/s on {arguments.threads} threads")
    for batch_size in arguments.batch_size:
        compare(batch_size, arguments, config, tables_RD)


if __name__ == "__main__":
    main()
