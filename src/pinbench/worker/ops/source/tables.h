// The tables of a model as a PyTorch tensor, and what one kernel call needs to know of them and of a batch.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <torch/custom_class.h>

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels.h"

namespace PINBENCH_NAMESPACE {

// The kernels of this build by the name of their instruction set; what the CPU has is for the caller to know.
const Kernels& find_kernels(const std::string& isa);

inline Format format_of(const at::Tensor& tensor) {
  TORCH_CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kBFloat16,
              "float32 and bfloat16 have kernels, ", tensor.scalar_type(), " has none");
  return tensor.scalar_type() == at::kFloat ? Format::kFloat : Format::kBfloat16;
}

// What is looked up: one id of each table for each sample, shape (B, F); or, with offsets, the rows of bags, shape (N,).
struct Ids {
  at::Tensor id;
  std::optional<at::Tensor> offset_K;

  Ids(at::Tensor id, std::optional<at::Tensor> offset_K = std::nullopt)
      : id(std::move(id)), offset_K(std::move(offset_K)) {}

  // Those of `samples` from `begin` on, of `tables`.
  Ids part(int64_t begin, int64_t samples, int64_t tables) const {
    if (!offset_K.has_value()) return id.narrow(0, begin, samples);
    return {id, offset_K->narrow(0, begin * tables, samples * tables + 1)};
  }
};

inline void check_samples(const Ids& ids, int64_t samples, int64_t tables) {
  if (ids.offset_K.has_value()) {
    TORCH_CHECK(ids.offset_K->numel() == samples * tables + 1, samples, " samples have dense features, expected ",
                samples * tables + 1, " offsets of their bags, got ", ids.offset_K->numel());
  } else {
    TORCH_CHECK(ids.id.size(0) == samples, samples, " samples have dense features, ", ids.id.size(0), " have ids");
  }
}

class Tables {
 public:
  Tables(at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F)
      : tables_RD_(std::move(tables_RD)), first_row_F_(std::move(first_row_F)), rows_F_(std::move(rows_F)) {
    TORCH_CHECK(tables_RD_.dim() == 2 && tables_RD_.stride(1) == 1 && tables_RD_.stride(0) >= tables_RD_.size(1),
                "the tables must be one block of rows behind each other");
    TORCH_CHECK(first_row_F_.numel() == rows_F_.numel() && rows_F_.numel() > 0, "each table has a first row and rows");
    TORCH_CHECK(first_row_F_.is_contiguous() && rows_F_.is_contiguous(), "first rows and sizes must be contiguous");
    for (int64_t table = 0; table < rows_F_.numel(); ++table) {
      const int64_t first = first_row_F_.const_data_ptr<int64_t>()[table];
      const int64_t rows = rows_F_.const_data_ptr<int64_t>()[table];
      TORCH_CHECK(first >= 0 && rows >= 0 && first + rows <= tables_RD_.size(0), "table ", table, " has ", rows,
                  " rows from ", first, " on, the block has ", tables_RD_.size(0));
    }
  }

  int64_t count() const { return rows_F_.numel(); }
  int64_t width() const { return tables_RD_.size(1); }
  int64_t features_width() const { return width() + count() * (count() + 1) / 2; }
  at::ScalarType type() const { return tables_RD_.scalar_type(); }

  Lookup lookup(const Ids& ids, int64_t samples, const void* dense_BD, int64_t dense_stride, void* output_BW,
                int64_t output_width, const at::Tensor& sum_KD) const {
    const at::Tensor& id_BF = ids.id;
    Lookup lookup;
    lookup.offset_K = nullptr;
    if (ids.offset_K.has_value()) {
      check_bags(id_BF, *ids.offset_K);
      lookup.offset_K = ids.offset_K->const_data_ptr<int64_t>();
      lookup.sum_KD = sum_KD.mutable_data_ptr<float>();
    } else {
      TORCH_CHECK(id_BF.dim() == 2 && id_BF.size(1) == count() && id_BF.scalar_type() == at::kLong,
                  "expected int64 ids of ", count(), " tables a sample, got ", id_BF.scalar_type(), " of shape ",
                  id_BF.sizes());
      lookup.sum_KD = nullptr;
    }
    check_samples(ids, samples, count());
    lookup.ids = id_BF.numel();
    lookup.format = format_of(tables_RD_);
    lookup.feature_format = lookup.format;
    lookup.tables_RD = tables_RD_.const_data_ptr();
    lookup.row_stride = tables_RD_.stride(0);
    lookup.first_row_F = first_row_F_.const_data_ptr<int64_t>();
    lookup.rows_F = rows_F_.const_data_ptr<int64_t>();
    lookup.tables = count();
    lookup.width = width();
    lookup.id_BF = id_BF.const_data_ptr<int64_t>();
    lookup.id_stride_B = id_BF.stride(0);
    lookup.id_stride_F = id_BF.stride(-1);
    lookup.dense_BD = dense_BD;
    lookup.dense_stride = dense_stride;
    lookup.output_BW = output_BW;
    lookup.output_width = output_width;
    return lookup;
  }

  Lookup lookup(const at::Tensor& id_BF, const void* dense_BD, int64_t dense_stride, void* output_BW,
                int64_t output_width) const {
    return lookup(id_BF, id_BF.size(0), dense_BD, dense_stride, output_BW, output_width, at::Tensor());
  }

  // Return memory for the sums of the bags of `samples`; nothing where each table has one id.
  at::Tensor sums(const Ids& ids, int64_t samples) const {
    return ids.offset_K.has_value() ? at::empty({samples * count(), width()}, at::dtype(at::kFloat)) : at::Tensor();
  }

 private:
  static void check_bags(const at::Tensor& id_N, const at::Tensor& offset_K) {
    TORCH_CHECK(id_N.dim() == 1 && id_N.is_contiguous() && id_N.scalar_type() == at::kLong,
                "expected int64 rows of bags, one behind the other, got ", id_N.scalar_type(), " of shape ",
                id_N.sizes());
    TORCH_CHECK(offset_K.dim() == 1 && offset_K.is_contiguous() && offset_K.scalar_type() == at::kLong,
                "expected int64 offsets, one behind the other, got ", offset_K.scalar_type(), " of shape ",
                offset_K.sizes());
  }

  at::Tensor tables_RD_, first_row_F_, rows_F_;
};

inline void check_ids(const std::atomic<bool>& in_range) {
  TORCH_CHECK_INDEX(in_range.load(), "an id is not below the rows of its table");
}

// Zeroed working memory, one part a thread.
class ThreadScratch {
 public:
  void* of(int64_t thread) const { return static_cast<char*>(memory_.mutable_data_ptr()) + thread * bytes_; }

  void provide(int64_t threads, int64_t bytes) {
    if (memory_.defined() && threads <= threads_ && bytes == bytes_) return;
    threads_ = threads;
    bytes_ = bytes;
    memory_ = at::zeros({threads * bytes}, at::kByte);
  }

  // Compute samples in all threads, each with `bytes` of its own: `compute(memory, sample, ahead)` returns whether all
  // ids were in range; `ahead`: the thread's next sample, -1 behind its last one.
  template <class Compute>
  void for_samples(int64_t samples, int64_t bytes, const Compute& compute) {
    provide(at::get_num_threads(), bytes);
    std::atomic<bool> in_range{true};
    at::parallel_for(0, samples, kLeastSamples, [&](int64_t begin, int64_t end) {
      void* memory = of(at::get_thread_num());
      bool fine = true;
      for (int64_t sample = begin; sample < end; ++sample)
        fine &= compute(memory, sample, sample + 1 < end ? sample + 1 : -1);
      if (!fine) in_range = false;
    });
    check_ids(in_range);
  }

 private:
  static constexpr int64_t kLeastSamples = 4;  // a thread: fewer take less time than to wake it

  int64_t threads_ = 0, bytes_ = 0;
  at::Tensor memory_;
};

inline void check_dense(const at::Tensor& dense_BI, int64_t inputs) {
  TORCH_CHECK(dense_BI.dim() == 2 && dense_BI.size(1) == inputs && dense_BI.scalar_type() == at::kFloat &&
                  dense_BI.stride(1) == 1,
              "expected ", inputs, " float32 values a sample, one behind the other, got ", dense_BI.scalar_type(),
              " of shape ", dense_BI.sizes());
}

}  // namespace PINBENCH_NAMESPACE
