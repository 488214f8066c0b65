// The last layer behind layers of any kind: one output a sample, then the sigmoid.
#pragma once

#include <utility>

#include "tables.h"

namespace PINBENCH_NAMESPACE {

class HeadLayer {
 public:
  HeadLayer(const Kernels& kernels, at::Tensor weight, double bias)
      : kernels_(kernels), weight_(std::move(weight)), bias_(static_cast<float>(bias)) {}

  void forward(const at::Tensor& x, float* probability_B) const {
    TORCH_CHECK(x.stride(1) == 1 && x.size(1) == weight_.numel(), "the last layer does not fit the one before it");
    const Head head{format_of(x), weight_.const_data_ptr<float>(), bias_, x.size(1)};
    at::parallel_for(0, x.size(0), kLeastSamples, [&](int64_t begin, int64_t end) {
      kernels_.head(head, x.const_data_ptr(), x.stride(0), probability_B, begin, end);
    });
  }

 private:
  static constexpr int64_t kLeastSamples = 128;  // a thread: a few nanoseconds a sample

  const Kernels& kernels_;
  at::Tensor weight_;
  float bias_;
};

}  // namespace PINBENCH_NAMESPACE
