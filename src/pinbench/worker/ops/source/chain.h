// The whole model for a few samples as one chain of products in one parallel region: no library call between layers,
// and the threads stay awake from the first to the last. What the values are is for the two chains that derive from it.
#pragma once

#include <omp.h>

#include <algorithm>
#include <chrono>

#include "panel_block.h"
#include "tables.h"

namespace PINBENCH_NAMESPACE {

// Rows of values of any type, whole cache lines each.
class Rows {
 public:
  Rows() = default;
  Rows(int64_t rows, int64_t bytes)
      : memory_(at::zeros({rows, (bytes + kLine - 1) / kLine * kLine}, at::dtype(at::kByte))) {}

  char* data() const { return static_cast<char*>(memory_.mutable_data_ptr()); }
  int64_t bytes() const { return memory_.size(1); }

 private:
  static constexpr int64_t kLine = 64;

  at::Tensor memory_;
};

// The part of the work that is one thread's.
struct Team {
  int64_t thread, threads;

  int64_t begin(int64_t units) const { return thread * units / threads; }
  int64_t end(int64_t units) const { return (thread + 1) * units / threads; }
};

class Chain : public torch::CustomClassHolder {
 public:
  // Return the click probability, shape (B,).
  at::Tensor forward(const at::Tensor& dense_BI, const at::Tensor& id, const std::optional<at::Tensor>& offset_K) {
    return compute<false>(dense_BI, {id, offset_K}, nullptr);
  }

  // Do the same and return the seconds of each part: what precedes the layers, the bottom's, the lookup with its dots,
  // the over arch's, the head.
  at::Tensor profile(const at::Tensor& dense_BI, const at::Tensor& id, const std::optional<at::Tensor>& offset_K) {
    at::Tensor second_N = at::zeros({static_cast<int64_t>(bottom_.size() + over_.size() + 3)}, at::dtype(at::kDouble));
    compute<true>(dense_BI, {id, offset_K}, second_N.mutable_data_ptr<double>());
    return second_N;
  }

 protected:
  // A layer in a block of panels: how many there are, of how many outputs, and what one value of its output takes.
  struct Step {
    int64_t panels;
    int64_t outputs;  // padded to whole panels
    int64_t value_bytes;
  };

  Chain(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t inputs,
        at::Tensor head_weight, double head_bias, int64_t most_samples)
      : kernels_(find_kernels(isa)),
        tables_(std::move(tables_RD), std::move(first_row_F), std::move(rows_F)),
        inputs_(inputs),
        most_samples_(most_samples),
        head_weight_(std::move(head_weight)),
        head_bias_(static_cast<float>(head_bias)) {}

  // To be called when all layers are known: make room for what lies between them.
  void provide(std::vector<Step> bottom, std::vector<Step> over, int64_t input_bytes, int64_t features_bytes) {
    bottom_ = std::move(bottom);
    over_ = std::move(over);
    int64_t widest = 0;
    for (const auto* steps : {&bottom_, &over_})
      for (const Step& step : *steps) widest = std::max(widest, step.outputs * step.value_bytes);
    input_ = Rows(most_samples_, input_bytes);
    features_ = Rows(most_samples_, features_bytes);
    for (Rows& hidden : hidden_) hidden = Rows(most_samples_, widest);
  }

  // Put the dense values where the first layer reads them.
  virtual void enter(const at::Tensor& dense_BI, const Rows& input) const = 0;
  // Compute panels of a layer for all samples; `place`: of the layer among those of both stacks.
  virtual void layer(size_t place, const Rows& x, const Rows& y, int64_t samples, int64_t panel_begin,
                     int64_t panel_end) const = 0;
  virtual int64_t scratch_bytes(const Lookup& lookup) const = 0;
  virtual bool meet(const Lookup& lookup, const Rows& features, void* scratch, int64_t sample, int64_t row_begin,
                    int64_t row_end) const = 0;
  // The type of what enters the head.
  virtual Format head_format() const = 0;

  int64_t panels_of(int64_t outputs) const { return (outputs + kernels_.panel_outputs - 1) / kernels_.panel_outputs; }

  const Kernels& kernels_;
  Tables tables_;
  int64_t inputs_, most_samples_;

 private:
  // Clock reads between the parts, of the first thread; none in a call that counts.
  template <bool kTimed>
  class Watch {
   public:
    explicit Watch(double* seconds) : seconds_(seconds) { now(); }

    void lap(const Team& team) {
      if constexpr (kTimed) {
        if (team.thread != 0) return;
        const auto before = last_;
        now();
        *seconds_++ = std::chrono::duration<double>(last_ - before).count();
      }
    }

   private:
    void now() {
      if constexpr (kTimed) last_ = std::chrono::steady_clock::now();
    }

    double* seconds_;
    std::chrono::steady_clock::time_point last_;
  };

  template <bool kTimed>
  at::Tensor compute(const at::Tensor& dense_BI, const Ids& ids, double* seconds) {
    Watch<kTimed> watch(seconds);
    check_dense(dense_BI, inputs_);
    const int64_t samples = dense_BI.size(0);
    TORCH_CHECK(samples <= most_samples_, samples, " samples, the chain was made for ", most_samples_);
    at::Tensor probability_B = at::empty({samples}, at::dtype(at::kFloat));
    const Rows& dense = hidden_[(bottom_.size() + 1) % 2];  // where the bottom's output will be
    const int64_t value = tables_.type() == at::kFloat ? 4 : 2;
    const at::Tensor sum_KD = tables_.sums(ids, samples);
    const Lookup lookup = tables_.lookup(ids, samples, dense.data(), dense.bytes() / value, features_.data(),
                                         features_.bytes() / value, sum_KD);
    scratch_.provide(at::get_num_threads(), scratch_bytes(lookup));
    enter(dense_BI, input_);
    std::atomic<bool> in_range{true};
#pragma omp parallel num_threads(at::get_num_threads())
    {
      const Team team{omp_get_thread_num(), omp_get_num_threads()};
      if (!gather(lookup, team, samples)) in_range = false;
      watch.lap(team);
      run(bottom_, 0, input_, team, samples, watch);
      if (!meet_all(lookup, team, samples)) in_range = false;
#pragma omp barrier
      watch.lap(team);
      const Rows& x = run(over_, bottom_.size(), features_, team, samples, watch);
      finish(x, team, samples, probability_B.mutable_data_ptr<float>());
    }
    watch.lap(Team{0, 1});
    check_ids(in_range);
    return probability_B;
  }

  // Fetch the rows that this thread will multiply, while the bottom layers run; or add up its share of the bags.
  bool gather(const Lookup& lookup, const Team& team, int64_t samples) const {
    const int64_t bags = samples * lookup.tables;
    if (lookup.offset_K) return kernels_.pool(lookup, team.begin(bags), team.end(bags));
    const bool whole = samples >= team.threads;
    for (int64_t sample = whole ? team.begin(samples) : 0; sample < (whole ? team.end(samples) : samples); ++sample)
      kernels_.fetch(lookup, sample);
    return true;
  }

  // The threads share whole samples; where there are fewer samples than threads, the triangle of each.
  bool meet_all(const Lookup& lookup, const Team& team, int64_t samples) const {
    void* scratch = scratch_.of(team.thread);
    const int64_t features = lookup.tables + 1;
    const bool whole = samples >= team.threads;
    const int64_t row_begin = whole ? 1 : row_of(team.thread, team.threads, features);
    const int64_t row_end = whole ? features : row_of(team.thread + 1, team.threads, features);
    if (row_begin >= row_end) return true;
    bool fine = true;
    for (int64_t sample = whole ? team.begin(samples) : 0; sample < (whole ? team.end(samples) : samples); ++sample)
      fine &= meet(lookup, features_, scratch, sample, row_begin, row_end);
    return fine;
  }

  // The first row of the triangle that belongs to a share; all shares have about as many pairs.
  static int64_t row_of(int64_t share, int64_t shares, int64_t features) {
    const int64_t before = features * (features - 1) / 2 * share / shares;
    int64_t row = 1;
    while (row * (row - 1) / 2 < before) ++row;
    return row;
  }

  // Compute layers one after the other, all threads each of them, and return where the last output lies.
  template <class Watch>
  const Rows& run(const std::vector<Step>& steps, size_t first, const Rows& input, const Team& team, int64_t samples,
                  Watch& watch) const {
    const Rows* x = &input;
    int next = 0;
    for (size_t at = 0; at < steps.size(); ++at) {
      const Rows& y = hidden_[next];
      layer(first + at, *x, y, samples, team.begin(steps[at].panels), team.end(steps[at].panels));
#pragma omp barrier
      watch.lap(team);
      x = &y;
      next = 1 - next;
    }
    return *x;
  }

  void finish(const Rows& x, const Team& team, int64_t samples, float* probability_B) const {
    const Head head{head_format(), head_weight_.const_data_ptr<float>(), head_bias_, head_weight_.numel()};
    const int64_t value = head.input == Format::kFloat ? 4 : 2;
    kernels_.head(head, x.data(), x.bytes() / value, probability_B, team.begin(samples), team.end(samples));
  }

  std::vector<Step> bottom_, over_;
  at::Tensor head_weight_;
  float head_bias_;
  Rows input_, features_, hidden_[2];
  ThreadScratch scratch_;
};

}  // namespace PINBENCH_NAMESPACE
