"""What others would run BERT-Large with: each a step on the same sequences, or a reason why not."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from _bert.onnx_graph import write_graph
from pinbench.base.errors import HostError
from pinbench.worker.data.squad.batch import TextBatch
from pinbench.worker.models.bert.config import BertConfig
from pinbench.worker.models.bert.origin import SeededOrigin
from pinbench.worker.models.bert.tensors import expected_shapes

Call = Callable[[], Tensor]
# What the quantiser takes outputs of the fused attention for, whose type it does not infer: onnx.TensorProto.FLOAT
_UNTYPED = {"DefaultTensorType": 1}
_FP32, _BFLOAT16, _INT8 = "fp32", "bfloat16", "int8"


def transformers(config: BertConfig, batch: TextBatch, precision: str, _threads: int) -> Call:
    """Return a step of Hugging Face's model, eager, with PyTorch's blocked attention, its default."""
    _require("transformers", precision, (_FP32, _BFLOAT16), "its own int8 is of GPUs")
    return _their_step(_their_model(config, precision), batch)


def transformers_inductor(config: BertConfig, batch: TextBatch, precision: str, _threads: int) -> Call:
    """Return a step of Hugging Face's model as inductor compiles it, with its weights frozen in."""
    _require("transformers", precision, (_FP32, _BFLOAT16), "inductor compiles floating-point models")
    import torch._inductor.config

    torch._inductor.config.freezing = True
    return _their_step(torch.compile(_their_model(config, precision)), batch)


def onnxruntime(config: BertConfig, batch: TextBatch, precision: str, threads: int) -> Call:
    """Return a step of ONNX Runtime's CPU provider; int8 by its own dynamic quantisation."""
    _require("onnxruntime", precision, (_FP32, _INT8), "its CPU provider has no bfloat16 products")
    _require("onnx", precision, (_FP32, _INT8), "")
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    with tempfile.TemporaryDirectory() as folder:
        path = _graph_file(config, batch, Path(folder), is_fused=True)
        if precision == _INT8:
            from onnxruntime.quantization import QuantType, quantize_dynamic

            float_path, path = path, path.with_name("int8.onnx")
            quantize_dynamic(
                str(float_path), str(path), weight_type=QuantType.QInt8, per_channel=True, extra_options=_UNTYPED
            )
        session = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {name: value.numpy() for name, value in _flat(batch).items()}
    return lambda: torch.from_numpy(session.run(None, inputs)[0])


def openvino(config: BertConfig, batch: TextBatch, precision: str, threads: int) -> Call:
    """Return a step of OpenVINO's CPU plugin."""
    _require("openvino", precision, (_FP32, _BFLOAT16), "its quantisation is a package of its own, NNCF")
    _require("onnx", precision, (_FP32, _BFLOAT16), "")
    import openvino as runtime

    core = runtime.Core()
    if precision == _BFLOAT16 and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise HostError("it has no bfloat16 on this CPU")
    properties = {
        "INFERENCE_PRECISION_HINT": {_FP32: "f32", _BFLOAT16: "bf16"}[precision],
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
    }
    with tempfile.TemporaryDirectory() as folder:
        path = _graph_file(config, batch, Path(folder), is_fused=False)
        compiled = core.compile_model(core.read_model(str(path)), "CPU", properties)
    request, inputs = compiled.create_infer_request(), {name: value.numpy() for name, value in _flat(batch).items()}
    return lambda: torch.from_numpy(request.infer(inputs)[0])


PEERS: Mapping[str, Callable[[BertConfig, TextBatch, str, int], Call]] = {
    "transformers": transformers,
    "transformers-inductor": transformers_inductor,
    "onnxruntime": onnxruntime,
    "openvino": openvino,
}


def _require(package: str, precision: str, known: tuple[str, ...], reason: str) -> None:
    if precision not in known:
        raise HostError(reason)
    if find_spec(package) is None:
        raise HostError(f"{package} is not installed; name an interpreter that has it with --python")


def _their_model(config: BertConfig, precision: str) -> Any:
    from transformers import BertConfig as TheirConfig
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering(TheirConfig(**asdict(config))).eval()
    origin = SeededOrigin(config, 0)
    model.load_state_dict({name: origin.tensor(name) for name in expected_shapes(config)}, assign=True)
    return model.to(torch.bfloat16) if precision == _BFLOAT16 else model


def _their_step(model: Any, batch: TextBatch) -> Call:
    token_BS, segment_BS, _ = batch.inputs  # full sequences: no mask, which would cost them time

    def call() -> Tensor:
        output = model(input_ids=token_BS, token_type_ids=segment_BS)
        return torch.stack([output.start_logits, output.end_logits], dim=-1)

    return call


def _graph_file(config: BertConfig, batch: TextBatch, folder: Path, *, is_fused: bool) -> Path:
    path = folder / "bert.onnx"
    write_graph(config, SeededOrigin(config, 0), (len(batch.lengths), batch.lengths[0]), path, is_fused=is_fused)
    return path


def _flat(batch: TextBatch) -> dict[str, Tensor]:
    token_BS, segment_BS, _ = batch.inputs
    return {"token": token_BS.flatten(), "segment": segment_BS.flatten()}
