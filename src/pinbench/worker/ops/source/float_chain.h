// The chain in fp32 and in bfloat16: all layers in the type of the tables.
#pragma once

#include "chain.h"

namespace PINBENCH_NAMESPACE {

class DlrmChain : public Chain {
 public:
  // Weights are plain, (O, I), in the type of the tables; all layers end in ReLU, the head in the sigmoid.
  // `packed`: these weights as another chain for the same instruction set has packed them.
  DlrmChain(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F,
            const std::vector<at::Tensor>& bottom_weight, const std::vector<at::Tensor>& bottom_bias,
            const std::vector<at::Tensor>& over_weight, const std::vector<at::Tensor>& over_bias,
            at::Tensor head_weight, double head_bias, int64_t most_samples, const std::optional<at::Tensor>& packed)
      : Chain(isa, std::move(tables_RD), std::move(first_row_F), std::move(rows_F), bottom_weight.at(0).size(1),
              std::move(head_weight), head_bias, most_samples),
        block_(bytes_of(bottom_weight) + bytes_of(over_weight), packed) {
    char* free = block_.data();
    const auto bottom = pack(bottom_weight, bottom_bias, &free);
    const auto over = pack(over_weight, over_bias, &free);
    TORCH_CHECK(over_weight.empty() || over_weight[0].size(1) == tables_.features_width(),
                "the over arch does not fit the features");
    const int64_t value = tables_.type() == at::kFloat ? 4 : 2;
    provide(bottom, over, even(inputs_) * value, even(tables_.features_width()) * value);
  }

  at::Tensor packed() const { return block_.copy(); }

 private:
  static int64_t even(int64_t value) { return value + value % 2; }

  Format format() const { return tables_.type() == at::kFloat ? Format::kFloat : Format::kBfloat16; }

  int64_t bytes_of(const at::Tensor& weight_OI) const {
    const int64_t outputs = panels_of(weight_OI.size(0)) * kernels_.panel_outputs;
    return outputs * (even(weight_OI.size(1)) * weight_OI.element_size() + int64_t{sizeof(float)});
  }

  size_t bytes_of(const std::vector<at::Tensor>& weights) const {
    size_t bytes = 0;
    for (const at::Tensor& weight_OI : weights) bytes += bytes_of(weight_OI);
    return bytes;
  }

  std::vector<Step> pack(const std::vector<at::Tensor>& weights, const std::vector<at::Tensor>& biases, char** free) {
    std::vector<Step> steps;
    for (size_t layer = 0; layer < weights.size(); ++layer)
      steps.push_back(pack(weights[layer], biases[layer], free));
    return steps;
  }

  // The panels take what they need of the block's `free` memory, which is zero: so are the weights of the padding.
  Step pack(const at::Tensor& weight_OI, const at::Tensor& bias_O, char** free) {
    TORCH_CHECK(weight_OI.is_contiguous() && weight_OI.scalar_type() == tables_.type() &&
                    bias_O.is_contiguous() && bias_O.scalar_type() == at::kFloat,
                "weights must be contiguous and of the type of the tables, biases float32");
    const int64_t group = format() == Format::kFloat ? 1 : 2;  // inputs that lie side by side
    const int64_t panels = panels_of(weight_OI.size(0)), width = kernels_.panel_outputs;
    const int64_t inputs = group == 1 ? weight_OI.size(1) : even(weight_OI.size(1));
    const int64_t value = weight_OI.element_size();
    float* bias = reinterpret_cast<float*>(*free);
    char* to = *free + panels * width * int64_t{sizeof(float)};
    if (!block_.is_packed()) {
      std::copy_n(bias_O.const_data_ptr<float>(), bias_O.numel(), bias);
      fill(weight_OI, width, group, inputs, to);
    }
    *free += bytes_of(weight_OI);
    layers_.push_back(Layer{format(), to, bias, inputs, true});
    return {panels, panels * width, value};
  }

  static void fill(const at::Tensor& weight_OI, int64_t width, int64_t group, int64_t inputs, char* to) {
    const int64_t value = weight_OI.element_size();
    const char* from = static_cast<const char*>(weight_OI.const_data_ptr());
    for (int64_t o = 0; o < weight_OI.size(0); ++o)
      for (int64_t i = 0; i < weight_OI.size(1); ++i) {
        const int64_t place = o / width * width * inputs + (i / group * width + o % width) * group + i % group;
        std::copy_n(from + (o * weight_OI.size(1) + i) * value, value, to + place * value);
      }
  }

  void enter(const at::Tensor& dense_BI, const Rows& input) const override {
    kernels_.pad(format(), dense_BI.const_data_ptr<float>(), dense_BI.stride(0), inputs_, input.data(),
                 values(input), 0, dense_BI.size(0));
  }

  void layer(size_t place, const Rows& x, const Rows& y, int64_t samples, int64_t panel_begin,
             int64_t panel_end) const override {
    kernels_.layer(layers_[place], x.data(), values(x), y.data(), values(y), samples, panel_begin, panel_end);
  }

  int64_t scratch_bytes(const Lookup& lookup) const override { return kernels_.scratch_bytes(lookup); }

  bool meet(const Lookup& lookup, const Rows&, void* scratch, int64_t sample, int64_t row_begin,
            int64_t row_end) const override {
    return kernels_.lookup_dots(lookup, scratch, sample, -1, row_begin, row_end);
  }

  Format head_format() const override { return format(); }

  int64_t values(const Rows& rows) const { return rows.bytes() / (format() == Format::kFloat ? 4 : 2); }

  PanelBlock block_;
  std::vector<Layer> layers_;  // of both stacks
};

}  // namespace PINBENCH_NAMESPACE
