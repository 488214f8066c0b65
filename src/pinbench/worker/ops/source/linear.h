// One linear layer by oneDNN, called from C++.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string_view>

namespace PINBENCH_NAMESPACE {

// Return x @ weight.T + bias, behind it a ReLU or not; by oneDNN, which takes a weight that mkldnn::_reorder_linear_weight
// has packed and a plain one, and of plain operands either order in memory.
inline at::Tensor linear(const at::Tensor& x_BI, const at::Tensor& weight, const std::optional<at::Tensor>& bias_O,
                         bool relu) {
  using Call = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                          c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
  static const auto call =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Call>();
  return call.call(x_BI, weight, bias_O, relu ? "relu" : "none", c10::List<std::optional<at::Scalar>>(), "");
}

// Return the weight in the order that oneDNN likes best.
inline at::Tensor packed(const at::Tensor& weight_OI) {
  using Call = at::Tensor(const at::Tensor&, std::optional<int64_t>);
  static const auto call =
      c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_reorder_linear_weight", "").typed<Call>();
  return call.call(weight_OI, std::nullopt);
}

}  // namespace PINBENCH_NAMESPACE
