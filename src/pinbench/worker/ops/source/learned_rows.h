// What the rows that a step has read will get: their gradients, sample behind sample, and the one update of them all.
#pragma once

#include <algorithm>

#include "tables.h"
#include "training.h"

namespace PINBENCH_NAMESPACE {

class LearnedRows {
 public:
  // The tables are fp32, or the upper halves of split rows (row_update.h). Gradients are of `type`.
  LearnedRows(const TrainingKernels& kernels, at::Tensor tables_RD, int64_t tables, at::ScalarType type,
              int64_t most_samples)
      : kernels_(kernels), tables_RD_(std::move(tables_RD)), tables_(tables), type_(type) {
    const bool is_split = tables_RD_.scalar_type() == at::kBFloat16;
    TORCH_CHECK(!is_split || tables_RD_.stride(0) == 2 * tables_RD_.size(1),
                "rows of bfloat16 learn with their lower halves behind them only");
    provide(most_samples);
  }

  // Have room for a step of so many samples.
  void provide(int64_t samples) {
    if (row_NF_.defined() && samples <= row_NF_.size(0)) return;
    row_NF_ = at::empty({samples, tables_}, at::kLong);
    gradient_NFD_ = at::empty({samples, tables_, tables_RD_.size(1)}, at::dtype(type_));
  }

  int64_t* rows(int64_t sample) const { return row_NF_.mutable_data_ptr<int64_t>() + sample * tables_; }

  void* gradients(int64_t sample) const {
    return static_cast<char*>(gradient_NFD_.mutable_data_ptr()) +
           sample * tables_ * tables_RD_.size(1) * gradient_NFD_.element_size();
  }

  // Return the gradients of `samples`, from the sample `begin` on, shape (N, F, D): the memory itself.
  at::Tensor gradient(int64_t begin, int64_t samples) const { return gradient_NFD_.narrow(0, begin, samples); }

  // Add the gradients of the first `samples` to their rows.
  void update(int64_t samples) { add(row_NF_, gradient_NFD_, samples * tables_); }

  // Add the first `items` gradients to the rows with these numbers, which must be those of the tables.
  void add(const at::Tensor& row, const at::Tensor& gradient, int64_t items) {
    const RowUpdate update{format_of(tables_RD_), tables_RD_.mutable_data_ptr(), tables_RD_.stride(0),
                           tables_RD_.size(1), format_of(gradient), gradient.const_data_ptr(),
                           row.const_data_ptr<int64_t>()};
    const int64_t threads = at::get_num_threads();
    if (threads == 1 || items < kLeastItems * threads) {
      kernels_.update_rows(update, nullptr, items);
      return;
    }
    share_out(update.row_N, items, threads);
    at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
      for (int64_t owner = first; owner < last; ++owner)
        kernels_.update_rows(update, item_N_.data() + begin_O_[owner], begin_O_[owner + 1] - begin_O_[owner]);
    });
  }

 private:
  static constexpr int64_t kLeastItems = 256;  // a thread: fewer take less time than to wake it

  // Rows side by side go to different threads: the busiest rows of a table often are its first.
  static int64_t owner_of(int64_t row, int64_t threads) {
    const uint64_t mixed = static_cast<uint32_t>(static_cast<uint32_t>(row) * 2654435769u);  // 2**32 / golden ratio
    return static_cast<int64_t>(mixed * static_cast<uint64_t>(threads) >> 32);
  }

  // List the items of each owner in their order: so each row's sum is the same, whatever the number of threads.
  void share_out(const int64_t* row_N, int64_t items, int64_t threads) {
    place_SO_.assign(threads * threads, 0);
    item_N_.resize(items);
    begin_O_.assign(threads + 1, 0);
    const auto each_segment = [&](auto&& visit) {
      at::parallel_for(0, threads, 1, [&](int64_t first, int64_t last) {
        for (int64_t segment = first; segment < last; ++segment)
          for (int64_t item = segment * items / threads; item < (segment + 1) * items / threads; ++item)
            visit(place_SO_[segment * threads + owner_of(row_N[item], threads)], item);
      });
    };
    each_segment([](int64_t& count, int64_t) { ++count; });
    int64_t place = 0;
    for (int64_t owner = 0; owner < threads; ++owner) {
      begin_O_[owner] = place;
      for (int64_t segment = 0; segment < threads; ++segment)
        place += std::exchange(place_SO_[segment * threads + owner], place);
    }
    begin_O_[threads] = place;
    each_segment([this](int64_t& next, int64_t item) { item_N_[next++] = item; });
  }

  const TrainingKernels& kernels_;
  at::Tensor tables_RD_;
  int64_t tables_;
  at::ScalarType type_;
  at::Tensor row_NF_, gradient_NFD_;
  std::vector<int64_t> item_N_, begin_O_, place_SO_;
};

// The rows of a rank, which learn from gradients that were computed elsewhere.
class DlrmRows : public torch::CustomClassHolder {
 public:
  DlrmRows(const std::string& isa, at::Tensor tables_RD)
      : rows_(find_training_kernels(isa), tables_RD, 1, at::kFloat, 0), last_(tables_RD.size(0)),
        width_(tables_RD.size(1)) {}

  // Add to each row its gradients (N, D), float32 or bfloat16 and already times the rate, in their order.
  void add(const at::Tensor& row_N, const at::Tensor& gradient_ND) {
    const int64_t items = row_N.numel();
    TORCH_CHECK(row_N.scalar_type() == at::kLong && row_N.is_contiguous() && gradient_ND.is_contiguous() &&
                    gradient_ND.dim() == 2 && gradient_ND.size(0) == items && gradient_ND.size(1) == width_,
                "expected a gradient of ", width_, " values for each of ", items, " rows, got ", gradient_ND.sizes());
    if (!items) return;
    const int64_t* row = row_N.const_data_ptr<int64_t>();
    const auto [least, most] = std::minmax_element(row, row + items);
    TORCH_CHECK(*least >= 0 && *most < last_, "rows are 0 to ", last_ - 1, ", got ", *least, " to ", *most);
    rows_.add(row_N, gradient_ND, items);
  }

 private:
  LearnedRows rows_;
  int64_t last_, width_;
};

}  // namespace PINBENCH_NAMESPACE
