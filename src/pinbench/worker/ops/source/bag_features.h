// Sums of the rows of bags straight behind the dense feature, as an object that PyTorch can call.
#pragma once

#include "tables.h"

namespace PINBENCH_NAMESPACE {

class BagFeatures : public torch::CustomClassHolder {
 public:
  BagFeatures(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F)
      : kernels_(find_kernels(isa)),
        tables_(std::move(tables_RD), std::move(first_row_F), std::move(rows_F)),
        unused_(at::empty({1}, at::dtype(at::kFloat))) {}

  // Return [dense | sum of the first table's bag | ...], shape (B, (F + 1) * D), in the type of the tables.
  at::Tensor forward(const at::Tensor& dense_BD, const at::Tensor& row_N, const at::Tensor& offset_K) {
    const int64_t samples = dense_BD.size(0), tables = tables_.count(), width = tables_.width();
    TORCH_CHECK(dense_BD.dim() == 2 && dense_BD.size(1) == width && dense_BD.stride(1) == 1 &&
                    dense_BD.scalar_type() == tables_.type(),
                "the dense feature must look like a row of the tables");
    at::Tensor output_BW = at::empty({samples, (tables + 1) * width}, at::dtype(tables_.type()));
    const Ids ids{row_N, offset_K};
    const Lookup lookup = tables_.lookup(ids, samples, dense_BD.const_data_ptr(), dense_BD.stride(0),
                                         output_BW.mutable_data_ptr(), (tables + 1) * width, unused_);
    scratch_.for_samples(samples, tables * width * sizeof(float), [&](void* scratch, int64_t sample, int64_t) {
      return write(lookup, static_cast<float*>(scratch), sample);
    });
    return output_BW;
  }

 private:
  bool write(const Lookup& lookup, float* scratch, int64_t sample) const {
    const bool is_float = lookup.format == Format::kFloat;
    const int64_t value = is_float ? 4 : 2, numbers = lookup.tables * lookup.width;
    char* row = static_cast<char*>(lookup.output_BW) + sample * lookup.output_width * value;
    memcpy(row, static_cast<const char*>(lookup.dense_BD) + sample * lookup.dense_stride * value, lookup.width * value);
    row += lookup.width * value;
    float* sums = is_float ? reinterpret_cast<float*>(row) : scratch;
    Lookup of_sample = lookup;  // the kernel counts bags from the first sample's on
    of_sample.offset_K += sample * lookup.tables;
    of_sample.sum_KD = sums;
    if (!kernels_.pool(of_sample, 0, lookup.tables)) return false;
    if (!is_float) kernels_.pad(lookup.format, sums, numbers, numbers, row, numbers, 0, 1);
    return true;
  }

  const Kernels& kernels_;
  Tables tables_;
  at::Tensor unused_;  // a lookup of bags wants memory for all sums
  ThreadScratch scratch_;
};

}  // namespace PINBENCH_NAMESPACE
