// The gather and the pairwise dots of a batch as an object that PyTorch can call.
#pragma once

#include "tables.h"

namespace PINBENCH_NAMESPACE {

class LookupDots : public torch::CustomClassHolder {
 public:
  // `width`: of a row of the output, zeros behind the features.
  LookupDots(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t width)
      : LookupDots(isa, tables_RD, std::move(first_row_F), std::move(rows_F), width, tables_RD.scalar_type()) {}

  // `type`: of the dense feature and the output, bfloat16 where it is not that of the tables.
  LookupDots(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t width,
             at::ScalarType type)
      : kernels_(find_kernels(isa)),
        tables_(std::move(tables_RD), std::move(first_row_F), std::move(rows_F)),
        width_(width),
        type_(type) {
    TORCH_CHECK(type == tables_.type() || type == at::kBFloat16, "features of ", type, " of tables of ",
                tables_.type(), " have no kernels");
    TORCH_CHECK(width >= tables_.features_width(), "features of ", tables_.features_width(), " do not fit ", width);
  }

  // Return [dense | dots | zeros], shape (B, width).
  at::Tensor forward(const at::Tensor& dense_BD, const at::Tensor& id, const std::optional<at::Tensor>& offset_K) {
    at::Tensor output_BW = at::empty({dense_BD.size(0), width_}, at::dtype(type_));
    write(dense_BD, {id, offset_K}, output_BW);
    return output_BW;
  }

  // The same into memory that the caller has.
  void write(const at::Tensor& dense_BD, const Ids& ids, const at::Tensor& output_BW) {
    TORCH_CHECK(dense_BD.dim() == 2 && dense_BD.size(1) == tables_.width() && dense_BD.stride(1) == 1 &&
                    dense_BD.scalar_type() == type_,
                "the dense feature must look like a row of the tables");
    const int64_t samples = dense_BD.size(0);
    const at::Tensor sum_KD = tables_.sums(ids, samples);
    Lookup lookup = tables_.lookup(ids, samples, dense_BD.const_data_ptr(), dense_BD.stride(0),
                                   output_BW.mutable_data_ptr(), width_, sum_KD);
    lookup.feature_format = format_of(dense_BD);
    scratch_.for_samples(samples, kernels_.scratch_bytes(lookup), [&](void* scratch, int64_t sample, int64_t ahead) {
      const int64_t tables = lookup.tables;
      const bool pooled = !lookup.offset_K || kernels_.pool(lookup, sample * tables, (sample + 1) * tables);
      return kernels_.lookup_dots(lookup, scratch, sample, ahead, 1, tables + 1) && pooled;
    });
  }

  int64_t tables() const { return tables_.count(); }

 private:
  const Kernels& kernels_;
  Tables tables_;
  int64_t width_;
  at::ScalarType type_;
  ThreadScratch scratch_;
};

}  // namespace PINBENCH_NAMESPACE
