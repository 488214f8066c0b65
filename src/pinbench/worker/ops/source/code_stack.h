// A stack of quantised layers as Python hands it over, and the lookup whose output is codes.
#pragma once

#include "codes.h"
#include "tables.h"

namespace PINBENCH_NAMESPACE {

// The int8 kernels of this build by the name of their instruction set.
const CodeKernels& find_code_kernels(const std::string& isa);

// Layers with ReLU. Of each: the weights, int8, packed by oneDNN or plain (O, I); their scale and the bias, one an
// output; scale and zero of the input.
class CodeStack : public torch::CustomClassHolder {
 public:
  CodeStack(std::vector<at::Tensor> weights, std::vector<at::Tensor> scales, std::vector<at::Tensor> biases,
            std::vector<double> source_scales, std::vector<int64_t> source_zeros)
      : weights_(std::move(weights)),
        scales_(std::move(scales)),
        biases_(std::move(biases)),
        source_scales_(std::move(source_scales)),
        source_zeros_(std::move(source_zeros)) {
    const size_t layers = weights_.size();
    TORCH_CHECK(layers > 0 && scales_.size() == layers && biases_.size() == layers &&
                    source_scales_.size() == layers && source_zeros_.size() == layers,
                "each quantised layer has weights, scales, biases, and a scale and a zero of its input");
    for (size_t layer = 0; layer < layers; ++layer)
      TORCH_CHECK(scales_[layer].scalar_type() == at::kFloat && scales_[layer].is_contiguous() &&
                      biases_[layer].scalar_type() == at::kFloat && biases_[layer].is_contiguous(),
                  "scales and biases must be float32 and contiguous");
  }

  size_t layers() const { return weights_.size(); }
  const at::Tensor& weight(size_t layer) const { return weights_[layer]; }
  const at::Tensor& scale_O(size_t layer) const { return scales_[layer]; }
  const at::Tensor& bias_O(size_t layer) const { return biases_[layer]; }
  double source_scale(size_t layer) const { return source_scales_[layer]; }
  int64_t source_zero(size_t layer) const { return source_zeros_[layer]; }

  // How what enters the stack becomes codes. The inverse is PyTorch's of a Python number: of float64, rounded once.
  Codes entrance() const {
    return {static_cast<float>(1.0 / source_scales_[0]), static_cast<float>(source_zeros_[0])};
  }

 private:
  std::vector<at::Tensor> weights_, scales_, biases_;
  std::vector<double> source_scales_;
  std::vector<int64_t> source_zeros_;
};

// LookupDots with codes for its output.
class LookupCodes : public torch::CustomClassHolder {
 public:
  // `width`: of a row of the output, zeros behind the features.
  LookupCodes(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t width,
              double scale, int64_t zero)
      : kernels_(find_code_kernels(isa)),
        tables_(std::move(tables_RD), std::move(first_row_F), std::move(rows_F)),
        width_(width),
        codes_{static_cast<float>(1.0 / scale), static_cast<float>(zero)} {
    TORCH_CHECK(width >= tables_.features_width(), "features of ", tables_.features_width(), " do not fit ", width);
  }

  // Return the codes of [dense | dots], zeros behind them, shape (B, width).
  at::Tensor forward(const at::Tensor& dense_BD, const at::Tensor& id_BF) {
    at::Tensor code_BW = at::empty({dense_BD.size(0), width_}, at::dtype(at::kByte));
    write(dense_BD, id_BF, code_BW);
    return code_BW;
  }

  // The same into memory that the caller has.
  void write(const at::Tensor& dense_BD, const at::Tensor& id_BF, const at::Tensor& code_BW) {
    TORCH_CHECK(dense_BD.dim() == 2 && dense_BD.size(1) == tables_.width() && dense_BD.stride(1) == 1 &&
                    dense_BD.scalar_type() == tables_.type() && id_BF.size(0) == dense_BD.size(0),
                "the dense feature must look like a row of the tables, one a sample");
    const Lookup lookup = tables_.lookup(id_BF, dense_BD.const_data_ptr(), dense_BD.stride(0), nullptr, 0);
    uint8_t* code = code_BW.mutable_data_ptr<uint8_t>();
    const auto compute = [&](void* scratch, int64_t sample, int64_t ahead) {
      return kernels_.lookup_codes(lookup, codes_, code, width_, scratch, sample, ahead, 1, lookup.tables + 1);
    };
    scratch_.for_samples(dense_BD.size(0), kernels_.scratch_bytes(lookup), compute);
  }

  int64_t tables() const { return tables_.count(); }

 private:
  const CodeKernels& kernels_;
  Tables tables_;
  int64_t width_;
  Codes codes_;
  ThreadScratch scratch_;
};

}  // namespace PINBENCH_NAMESPACE
