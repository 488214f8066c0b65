// The memory in which a chain keeps its weights, panel behind panel: its own, or what another process has packed.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>

#include <optional>

#include "huge_block.h"

namespace PINBENCH_NAMESPACE {

class PanelBlock {
 public:
  // `packed`: the bytes of such a block for the same weights and the same instruction set; they are never written to.
  PanelBlock(size_t bytes, const std::optional<at::Tensor>& packed) : bytes_(bytes), packed_(packed) {
    if (!packed_.has_value()) {
      own_.emplace(bytes);
      return;
    }
    TORCH_CHECK(packed_->scalar_type() == at::kByte && packed_->is_contiguous() &&
                    packed_->numel() == static_cast<int64_t>(bytes),
                "packed weights of ", packed_->numel(), " bytes, those of this model have ", bytes);
    TORCH_CHECK(reinterpret_cast<uintptr_t>(packed_->const_data_ptr()) % kLine == 0,
                "packed weights must begin with a cache line");
  }

  bool is_packed() const { return packed_.has_value(); }

  char* data() const {
    return own_.has_value() ? own_->data() : static_cast<char*>(const_cast<void*>(packed_->const_data_ptr()));
  }

  // A copy, for others to take.
  at::Tensor copy() const {
    return at::from_blob(data(), {static_cast<int64_t>(bytes_)}, at::dtype(at::kByte)).clone();
  }

 private:
  static constexpr size_t kLine = 64;

  size_t bytes_;
  std::optional<at::Tensor> packed_;
  std::optional<HugeBlock> own_;
};

}  // namespace PINBENCH_NAMESPACE
