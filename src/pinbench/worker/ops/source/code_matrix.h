// A matrix of 8-bit weights as PyTorch sees it: codes of many rows in, fp32 out.
#pragma once

#include <ATen/Parallel.h>

#include "code_stack.h"

namespace PINBENCH_NAMESPACE {

class CodeMatrix : public torch::CustomClassHolder {
 public:
  // `code_OI`: weights, O and I multiples of a panel and a block; `scale_O` of each sum, `source_zero` of the input.
  CodeMatrix(const std::string& isa, const at::Tensor& code_OI, at::Tensor scale_O, at::Tensor bias_O,
             int64_t source_zero)
      : kernels_(find_code_kernels(isa)), scale_O_(std::move(scale_O)), bias_O_(std::move(bias_O)) {
    TORCH_CHECK(kernels_.product != nullptr, isa, " has no product of its own");
    TORCH_CHECK(code_OI.scalar_type() == at::kChar && code_OI.dim() == 2 && code_OI.size(0) % kProductOutputs == 0 &&
                    code_OI.size(1) % kCodeBlock == 0,
                "weights must be int8, whole panels of whole blocks");
    outputs_ = code_OI.size(0);
    inputs_ = code_OI.size(1);
    for (const at::Tensor& values : {scale_O_, bias_O_})
      TORCH_CHECK(values.scalar_type() == at::kFloat && values.is_contiguous() && values.numel() == outputs_,
                  "scales and biases must be float32, one for each output");
    start_O_ = code_OI.sum(1, false, at::kInt).mul(-source_zero).contiguous();
    panels_ = code_OI.view({outputs_ / kProductOutputs, kProductOutputs, inputs_ / kCodeGroup, kCodeGroup})
                  .transpose(1, 2)
                  .contiguous();
  }

  at::Tensor forward(const at::Tensor& code_BI) const {
    TORCH_CHECK(code_BI.scalar_type() == at::kByte && code_BI.dim() == 2 && code_BI.size(1) == inputs_ &&
                    code_BI.is_contiguous(),
                "codes must be uint8, rows of ", inputs_);
    const int64_t rows = code_BI.size(0);
    at::Tensor output_BO = at::empty({rows, outputs_}, at::kFloat);
    const CodeProduct product{panels_.data_ptr<int8_t>(), start_O_.data_ptr<int32_t>(), scale_O_.data_ptr<float>(),
                              bias_O_.data_ptr<float>(), inputs_};
    const uint8_t* x = code_BI.data_ptr<uint8_t>();
    float* y = output_BO.data_ptr<float>();
    at::parallel_for(0, outputs_ / kProductOutputs, 1, [&](int64_t begin, int64_t end) {
      kernels_.product(product, x, inputs_, y, outputs_, 0, rows, begin, end);
    });
    return output_BO;
  }

 private:
  const CodeKernels& kernels_;
  at::Tensor scale_O_, bias_O_, start_O_, panels_;
  int64_t outputs_ = 0, inputs_ = 0;
};

}  // namespace PINBENCH_NAMESPACE
