// The chain in int8: codes between the layers, sums in 32 bits, and the next codes taken while they are in registers.
#pragma once

#include "chain.h"
#include "code_stack.h"

namespace PINBENCH_NAMESPACE {

class DlrmCodeChain : public Chain {
 public:
  // Weights are plain, (O, I); the bottom's last layer writes the type of the tables, the over arch's fp32.
  // `packed`: these weights as another chain for the same instruction set has packed them.
  DlrmCodeChain(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F,
                const c10::intrusive_ptr<CodeStack>& bottom, const c10::intrusive_ptr<CodeStack>& over,
                at::Tensor head_weight, double head_bias, int64_t most_samples,
                const std::optional<at::Tensor>& packed)
      : Chain(isa, std::move(tables_RD), std::move(first_row_F), std::move(rows_F), bottom->weight(0).size(1),
              std::move(head_weight), head_bias, most_samples),
        code_kernels_(find_code_kernels(isa)),
        input_codes_(bottom->entrance()),
        feature_codes_(over->entrance()),
        block_(bytes_of(*bottom) + bytes_of(*over), packed) {
    TORCH_CHECK(over->weight(0).size(1) == tables_.features_width(), "the over arch does not fit the features");
    TORCH_CHECK(bottom->weight(bottom->layers() - 1).size(0) == tables_.width(),
                "the bottom's output does not look like a row of the tables");
    char* free = block_.data();
    const auto like_tables = tables_.type() == at::kFloat ? CodeOutput::kFloat : CodeOutput::kBfloat16;
    const auto bottom_steps = pack(*bottom, like_tables, &free);
    const auto over_steps = pack(*over, CodeOutput::kFloat, &free);
    provide(bottom_steps, over_steps, whole_groups(inputs_), whole_groups(tables_.features_width()));
  }

  at::Tensor packed() const { return block_.copy(); }

 private:
  static constexpr int64_t kOutputBytes = 3 * 4;  // beside its weights: the start of its sum, scale and bias

  static int64_t whole_groups(int64_t inputs) { return (inputs + kCodeGroup - 1) / kCodeGroup * kCodeGroup; }

  int64_t bytes_of(const at::Tensor& weight_OI) const {
    const int64_t outputs = panels_of(weight_OI.size(0)) * kernels_.panel_outputs;
    return outputs * (whole_groups(weight_OI.size(1)) + kOutputBytes);
  }

  size_t bytes_of(const CodeStack& stack) const {
    size_t bytes = 0;
    for (size_t layer = 0; layer < stack.layers(); ++layer) bytes += bytes_of(stack.weight(layer));
    return bytes;
  }

  std::vector<Step> pack(const CodeStack& stack, CodeOutput last, char** free) {
    std::vector<Step> steps;
    for (size_t at = 0; at < stack.layers(); ++at) {
      const bool is_last = at + 1 == stack.layers();
      // oneDNN's inverse of a target's scale, in fp32 throughout.
      const Codes target = is_last ? Codes{}
                                   : Codes{1.0f / static_cast<float>(stack.source_scale(at + 1)),
                                           static_cast<float>(stack.source_zero(at + 1))};
      CodeLayer layer = pack(stack, at, *free);
      layer.output = is_last ? last : CodeOutput::kCodes;
      layer.codes = target;
      *free += bytes_of(stack.weight(at));
      layers_.push_back(layer);
      const int64_t value = !is_last ? 1 : last == CodeOutput::kBfloat16 ? 2 : 4;
      const int64_t panels = panels_of(stack.weight(at).size(0));
      steps.push_back({panels, panels * kernels_.panel_outputs, value});
    }
    return steps;
  }

  // The block's memory is zero: so are the weights of the padding.
  CodeLayer pack(const CodeStack& stack, size_t at, char* memory) const {
    const at::Tensor& weight_OI = stack.weight(at);
    TORCH_CHECK(weight_OI.is_contiguous() && weight_OI.scalar_type() == at::kChar, "weights must be int8, contiguous");
    const int64_t width = kernels_.panel_outputs, outputs = panels_of(weight_OI.size(0)) * width;
    const int64_t inputs = whole_groups(weight_OI.size(1));
    int32_t* start = reinterpret_cast<int32_t*>(memory);
    float* scale = reinterpret_cast<float*>(start + outputs);
    float* bias = scale + outputs;
    int8_t* panels = reinterpret_cast<int8_t*>(bias + outputs);
    if (!block_.is_packed()) {
      std::copy_n(stack.bias_O(at).const_data_ptr<float>(), weight_OI.size(0), bias);
      fill(stack, at, width, inputs, start, scale, panels);
    }
    const int largest = largest_of(weight_OI);
    TORCH_CHECK(largest <= kLargestWeight, "weights go from -127 to 127, one here is -128");
    return CodeLayer{panels, start, scale, bias, inputs, true, largest <= kLargestNarrowWeight, CodeOutput::kFloat, {}};
  }

  static void fill(const CodeStack& stack, size_t at, int64_t width, int64_t inputs, int32_t* start, float* scale,
                   int8_t* panels) {
    const at::Tensor& weight_OI = stack.weight(at);
    const int8_t* weight = weight_OI.const_data_ptr<int8_t>();
    for (int64_t o = 0; o < weight_OI.size(0); ++o) {
      int32_t sum = 0;
      for (int64_t i = 0; i < weight_OI.size(1); ++i, ++weight) {
        const int64_t group = i / kCodeGroup * width + o % width;
        panels[o / width * width * inputs + group * kCodeGroup + i % kCodeGroup] = *weight;
        sum += *weight;
      }
      start[o] = -static_cast<int32_t>(stack.source_zero(at)) * sum;
      scale[o] = static_cast<float>(stack.source_scale(at)) * stack.scale_O(at).const_data_ptr<float>()[o];
    }
  }

  static int largest_of(const at::Tensor& weight_OI) {
    const int8_t* weight = weight_OI.const_data_ptr<int8_t>();
    int largest = 0;
    for (int64_t at = 0; at < weight_OI.numel(); ++at) largest = std::max(largest, std::abs(int{weight[at]}));
    return largest;
  }

  void enter(const at::Tensor& dense_BI, const Rows& input) const override {
    code_kernels_.encode(input_codes_, dense_BI.const_data_ptr<float>(), dense_BI.stride(0), inputs_,
                         reinterpret_cast<uint8_t*>(input.data()), input.bytes(), 0, dense_BI.size(0));
  }

  void layer(size_t place, const Rows& x, const Rows& y, int64_t samples, int64_t panel_begin,
             int64_t panel_end) const override {
    code_kernels_.layer(layers_[place], x.data(), x.bytes(), y.data(), y.bytes(), samples, panel_begin, panel_end);
  }

  int64_t scratch_bytes(const Lookup& lookup) const override { return code_kernels_.scratch_bytes(lookup); }

  bool meet(const Lookup& lookup, const Rows& features, void* scratch, int64_t sample, int64_t row_begin,
            int64_t row_end) const override {
    return code_kernels_.lookup_codes(lookup, feature_codes_, reinterpret_cast<uint8_t*>(features.data()),
                                      features.bytes(), scratch, sample, -1, row_begin, row_end);
  }

  Format head_format() const override { return Format::kFloat; }

  // 2 * 255 * 63 fits 16 bits, 255 * 127 does so alone: see code_lanes.h.
  static constexpr int kLargestWeight = 127, kLargestNarrowWeight = 63;

  const CodeKernels& code_kernels_;
  Codes input_codes_, feature_codes_;
  PanelBlock block_;
  std::vector<CodeLayer> layers_;  // of both stacks
};

}  // namespace PINBENCH_NAMESPACE
