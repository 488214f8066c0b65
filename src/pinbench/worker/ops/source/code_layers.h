// The whole model in int8 as oneDNN's packed layers around the lookup, one call from Python for all of them.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "code_stack.h"
#include "head_layer.h"

namespace PINBENCH_NAMESPACE {

// What a quantised layer writes: codes of a scale and a zero, or fp32.
struct LayerOutput {
  double scale;
  int64_t zero;
  at::ScalarType type;
};

// Return relu(x @ weight.T + bias) of codes; the weight is packed by onednn::qlinear_prepack.
inline at::Tensor packed_code_layer(const at::Tensor& code_BI, const CodeStack& stack, size_t layer,
                                    const at::Tensor& weight_zero_O, const LayerOutput& output) {
  using Call = at::Tensor(at::Tensor, double, int64_t, at::Tensor, at::Tensor, at::Tensor, std::optional<at::Tensor>,
                          double, int64_t, std::optional<at::ScalarType>, std::string_view,
                          c10::List<std::optional<at::Scalar>>, std::string_view);
  static const auto call =
      c10::Dispatcher::singleton().findSchemaOrThrow("onednn::qlinear_pointwise", "").typed<Call>();
  return call.call(code_BI, stack.source_scale(layer), stack.source_zero(layer), stack.weight(layer),
                   stack.scale_O(layer), weight_zero_O, stack.bias_O(layer), output.scale, output.zero, output.type,
                   "relu", c10::List<std::optional<at::Scalar>>(), "");
}

class DlrmCodeLayers : public torch::CustomClassHolder {
 public:
  // As DlrmLayers, but for the layers, which are quantised; the last one of each stack writes fp32.
  DlrmCodeLayers(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F,
                 int64_t inputs, int64_t padded_inputs, int64_t features_width, c10::intrusive_ptr<CodeStack> bottom,
                 c10::intrusive_ptr<CodeStack> over, at::Tensor head_weight, double head_bias, int64_t chunk)
      : kernels_(find_kernels(isa)),
        code_kernels_(find_code_kernels(isa)),
        lookup_codes_(isa, tables_RD, std::move(first_row_F), std::move(rows_F), features_width,
                      over->source_scale(0), over->source_zero(0)),
        inputs_(inputs),
        chunk_(chunk),
        bottom_(std::move(bottom)),
        over_(std::move(over)),
        head_(kernels_, std::move(head_weight), head_bias),
        dense_BI_(at::empty({chunk, padded_inputs}, at::dtype(at::kByte))),
        features_BW_(at::empty({chunk, features_width}, at::dtype(at::kByte))),
        dense_BD_(at::empty({chunk, tables_RD.size(1)}, at::dtype(tables_RD.scalar_type()))) {
    for (const auto* stack : {&bottom_, &over_})
      for (size_t layer = 0; layer < (*stack)->layers(); ++layer)
        weight_zeros_.push_back(at::zeros({(*stack)->scale_O(layer).numel()}, at::dtype(at::kLong)));
  }

  // Return the click probability, shape (B,).
  at::Tensor forward(const at::Tensor& dense_BI, const at::Tensor& id_BF) {
    const at::AutoDispatchBelowAutograd inference;
    check_dense(dense_BI, inputs_);
    check_samples(id_BF, dense_BI.size(0), lookup_codes_.tables());
    at::Tensor probability_B = at::empty({dense_BI.size(0)}, at::dtype(at::kFloat));
    for (int64_t begin = 0; begin < dense_BI.size(0); begin += chunk_) {
      const int64_t samples = std::min(chunk_, dense_BI.size(0) - begin);
      compute(dense_BI.narrow(0, begin, samples), id_BF.narrow(0, begin, samples),
              probability_B.mutable_data_ptr<float>() + begin);
    }
    return probability_B;
  }

 private:
  void compute(const at::Tensor& dense_BI, const at::Tensor& id_BF, float* probability_B) {
    const int64_t samples = dense_BI.size(0);
    const at::Tensor code_BI = dense_BI_.narrow(0, 0, samples);
    code_kernels_.encode(bottom_->entrance(), dense_BI.const_data_ptr<float>(), dense_BI.stride(0), inputs_,
                         code_BI.mutable_data_ptr<uint8_t>(), code_BI.size(1), 0, samples);
    const at::Tensor hidden_BD = run(*bottom_, code_BI, 0);
    const at::Tensor features_BW = features_BW_.narrow(0, 0, samples);
    lookup_codes_.write(like_a_row(hidden_BD), id_BF, features_BW);
    head_.forward(run(*over_, features_BW, bottom_->layers()), probability_B);
  }

  // Compute a stack; `first`: the place of its first layer among the layers of both.
  at::Tensor run(const CodeStack& stack, at::Tensor x, size_t first) const {
    for (size_t layer = 0; layer < stack.layers(); ++layer) {
      const bool is_last = layer + 1 == stack.layers();
      const LayerOutput output = is_last ? LayerOutput{1.0, 0, at::kFloat}
                                         : LayerOutput{stack.source_scale(layer + 1), stack.source_zero(layer + 1),
                                                       at::kByte};
      x = packed_code_layer(x, stack, layer, weight_zeros_[first + layer], output);
    }
    return x;
  }

  // Return the dense feature in the type of the tables.
  at::Tensor like_a_row(const at::Tensor& hidden_BD) const {
    const at::Tensor dense_BD = dense_BD_.narrow(0, 0, hidden_BD.size(0));
    TORCH_CHECK(hidden_BD.stride(1) == 1 && hidden_BD.size(1) == dense_BD.size(1),
                "the bottom's output does not look like a row of the tables");
    const Format format = format_of(dense_BD);
    at::parallel_for(0, hidden_BD.size(0), kLeastSamples, [&](int64_t begin, int64_t end) {
      kernels_.pad(format, hidden_BD.const_data_ptr<float>(), hidden_BD.stride(0), hidden_BD.size(1),
                   dense_BD.mutable_data_ptr(), dense_BD.size(1), begin, end);
    });
    return dense_BD;
  }

  static constexpr int64_t kLeastSamples = 128;  // a thread: a few nanoseconds a sample

  const Kernels& kernels_;
  const CodeKernels& code_kernels_;
  LookupCodes lookup_codes_;
  int64_t inputs_, chunk_;
  c10::intrusive_ptr<CodeStack> bottom_, over_;
  std::vector<at::Tensor> weight_zeros_;  // of all layers: weights have none
  HeadLayer head_;
  at::Tensor dense_BI_, features_BW_, dense_BD_;
};

}  // namespace PINBENCH_NAMESPACE
