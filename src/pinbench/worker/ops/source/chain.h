// The whole model for a few samples as one chain of products in one parallel region: no library call between layers,
// and the threads stay awake from the first to the last.
#pragma once

#include <omp.h>
#include <sys/mman.h>

#include <algorithm>

#include "tables.h"

namespace PINBENCH_NAMESPACE {

// Memory on huge pages where the kernel grants them: the chain reads all of it at each call.
class HugeBlock {
 public:
  explicit HugeBlock(size_t bytes) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
    memory_ = mmap(nullptr, bytes_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TORCH_CHECK(memory_ != MAP_FAILED, "cannot allocate ", bytes_, " bytes for the weights");
    madvise(data(), bytes_, MADV_HUGEPAGE);  // refused where the administrator says never: the record shows it
  }
  ~HugeBlock() { munmap(memory_, bytes_ + kHugePage); }
  HugeBlock(const HugeBlock&) = delete;
  HugeBlock& operator=(const HugeBlock&) = delete;

  char* data() const {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory_) + kHugePage - 1) / kHugePage * kHugePage);
  }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;

  size_t bytes_;
  void* memory_;
};

// A layer of the chain: how large, and where its panels and biases lie.
struct ChainLayer {
  Layer layer;
  int64_t panels;
  int64_t outputs;  // padded to whole panels
};

class DlrmChain : public torch::CustomClassHolder {
 public:
  // Weights are plain, (O, I), in the type of the tables; all layers end in ReLU, the head in the sigmoid.
  DlrmChain(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F,
            const std::vector<at::Tensor>& bottom_weight, const std::vector<at::Tensor>& bottom_bias,
            const std::vector<at::Tensor>& over_weight, const std::vector<at::Tensor>& over_bias,
            at::Tensor head_weight, double head_bias, int64_t most_samples)
      : kernels_(find_kernels(isa)),
        tables_(std::move(tables_RD), std::move(first_row_F), std::move(rows_F)),
        inputs_(bottom_weight.at(0).size(1)),
        most_samples_(most_samples),
        block_(bytes_of(bottom_weight) + bytes_of(over_weight)),
        head_weight_(std::move(head_weight)),
        head_bias_(static_cast<float>(head_bias)) {
    char* free = block_.data();
    for (size_t layer = 0; layer < bottom_weight.size(); ++layer)
      bottom_.push_back(pack(bottom_weight[layer], bottom_bias[layer], &free));
    for (size_t layer = 0; layer < over_weight.size(); ++layer)
      over_.push_back(pack(over_weight[layer], over_bias[layer], &free));
    TORCH_CHECK(over_weight.empty() || over_weight[0].size(1) == tables_.features_width(),
                "the over arch does not fit the features");
    int64_t widest = 0;
    for (const auto* layers : {&bottom_, &over_})
      for (const ChainLayer& layer : *layers) widest = std::max(widest, layer.outputs);
    const auto options = at::dtype(tables_.type());
    features_width_ = even(tables_.features_width());
    dense_BI_ = at::zeros({most_samples, even(inputs_)}, options);
    features_BW_ = at::zeros({most_samples, features_width_}, options);
    for (at::Tensor& hidden : hidden_BO_) hidden = at::zeros({most_samples, widest}, options);
  }

  // Return the click probability, shape (B,).
  at::Tensor forward(const at::Tensor& dense_BI, const at::Tensor& id_BF) {
    check_dense(dense_BI, inputs_, id_BF);
    const int64_t samples = dense_BI.size(0);
    TORCH_CHECK(samples <= most_samples_, samples, " samples, the chain was made for ", most_samples_);
    at::Tensor probability_B = at::empty({samples}, at::dtype(at::kFloat));
    const int last = static_cast<int>((bottom_.size() + 1) % 2);  // of hidden_BO_: where the bottom's output will be
    const Lookup lookup = tables_.lookup(id_BF, hidden_BO_[last].const_data_ptr(), hidden_BO_[last].stride(0),
                                         features_BW_.mutable_data_ptr(), features_width_);
    scratch_.provide(at::get_num_threads(), kernels_.scratch_bytes(lookup));
    kernels_.pad(lookup.format, dense_BI.const_data_ptr<float>(), dense_BI.stride(0), inputs_,
                 dense_BI_.mutable_data_ptr(), dense_BI_.size(1), 0, samples);
    std::atomic<bool> in_range{true};
#pragma omp parallel num_threads(at::get_num_threads())
    {
      const Team team{omp_get_thread_num(), omp_get_num_threads()};
      fetch(lookup, team, samples);
      run(bottom_, dense_BI_, 0, team, samples);
      if (!meet(lookup, team, samples)) in_range = false;
#pragma omp barrier
      const at::Tensor& x = run(over_, features_BW_, 0, team, samples);
      finish(x, team, samples, probability_B.mutable_data_ptr<float>());
    }
    check_ids(in_range);
    return probability_B;
  }

 private:
  struct Team {
    int64_t thread, threads;

    int64_t begin(int64_t units) const { return thread * units / threads; }
    int64_t end(int64_t units) const { return (thread + 1) * units / threads; }
  };

  static int64_t even(int64_t value) { return value + value % 2; }

  int64_t panels_of(const at::Tensor& weight_OI) const {
    return (weight_OI.size(0) + kernels_.panel_outputs - 1) / kernels_.panel_outputs;
  }

  int64_t bytes_of(const at::Tensor& weight_OI) const {
    const int64_t outputs = panels_of(weight_OI) * kernels_.panel_outputs;
    return outputs * (even(weight_OI.size(1)) * weight_OI.element_size() + int64_t{sizeof(float)});
  }

  size_t bytes_of(const std::vector<at::Tensor>& weights) const {
    size_t bytes = 0;
    for (const at::Tensor& weight_OI : weights) bytes += bytes_of(weight_OI);
    return bytes;
  }

  // The panels take what they need of the block's `free` memory, which is zero: so are the weights of the padding.
  ChainLayer pack(const at::Tensor& weight_OI, const at::Tensor& bias_O, char** free) const {
    TORCH_CHECK(weight_OI.is_contiguous() && weight_OI.scalar_type() == tables_.type() &&
                    bias_O.is_contiguous() && bias_O.scalar_type() == at::kFloat,
                "weights must be contiguous and of the type of the tables, biases float32");
    const Format format = format_of(weight_OI);
    const int64_t group = format == Format::kFloat ? 1 : 2;  // inputs that lie side by side
    const int64_t panels = panels_of(weight_OI), width = kernels_.panel_outputs;
    const int64_t inputs = group == 1 ? weight_OI.size(1) : even(weight_OI.size(1));
    const int64_t value = weight_OI.element_size();
    float* bias = reinterpret_cast<float*>(*free);
    std::copy_n(bias_O.const_data_ptr<float>(), bias_O.numel(), bias);
    char* to = *free + panels * width * int64_t{sizeof(float)};
    const char* from = static_cast<const char*>(weight_OI.const_data_ptr());
    for (int64_t o = 0; o < weight_OI.size(0); ++o)
      for (int64_t i = 0; i < weight_OI.size(1); ++i) {
        const int64_t place = o / width * width * inputs + (i / group * width + o % width) * group + i % group;
        std::copy_n(from + (o * weight_OI.size(1) + i) * value, value, to + place * value);
      }
    *free += bytes_of(weight_OI);
    return {Layer{format, to, bias, inputs, true}, panels, panels * width};
  }

  // Fetch the rows that this thread will multiply, while the bottom layers run.
  void fetch(const Lookup& lookup, const Team& team, int64_t samples) const {
    const bool whole = samples >= team.threads;
    for (int64_t sample = whole ? team.begin(samples) : 0; sample < (whole ? team.end(samples) : samples); ++sample)
      kernels_.fetch(lookup, sample);
  }

  // The threads share whole samples; where there are fewer samples than threads, the triangle of each.
  bool meet(const Lookup& lookup, const Team& team, int64_t samples) const {
    void* scratch = scratch_.of(team.thread);
    const int64_t features = lookup.tables + 1;
    const bool whole = samples >= team.threads;
    const int64_t row_begin = whole ? 1 : row_of(team.thread, team.threads, features);
    const int64_t row_end = whole ? features : row_of(team.thread + 1, team.threads, features);
    if (row_begin >= row_end) return true;
    bool fine = true;
    for (int64_t sample = whole ? team.begin(samples) : 0; sample < (whole ? team.end(samples) : samples); ++sample)
      fine &= kernels_.lookup_dots(lookup, scratch, sample, -1, row_begin, row_end);
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
  const at::Tensor& run(const std::vector<ChainLayer>& layers, const at::Tensor& input, int next, const Team& team,
                        int64_t samples) const {
    const at::Tensor* x = &input;
    for (const ChainLayer& step : layers) {
      const at::Tensor& y = hidden_BO_[next];
      kernels_.layer(step.layer, x->const_data_ptr(), x->stride(0), y.mutable_data_ptr(), y.stride(0), samples,
                     team.begin(step.panels), team.end(step.panels));
#pragma omp barrier
      x = &y;
      next = 1 - next;
    }
    return *x;
  }

  void finish(const at::Tensor& x, const Team& team, int64_t samples, float* probability_B) const {
    const Head head{format_of(x), head_weight_.const_data_ptr<float>(), head_bias_, head_weight_.numel()};
    kernels_.head(head, x.const_data_ptr(), x.stride(0), probability_B, team.begin(samples), team.end(samples));
  }

  const Kernels& kernels_;
  Tables tables_;
  int64_t inputs_, most_samples_, features_width_;
  HugeBlock block_;
  std::vector<ChainLayer> bottom_, over_;
  at::Tensor head_weight_;
  float head_bias_;
  at::Tensor dense_BI_, features_BW_, hidden_BO_[2];
  ThreadScratch scratch_;
};

}  // namespace PINBENCH_NAMESPACE
