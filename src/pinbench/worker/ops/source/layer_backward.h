// The way back through activations and the last layer: a block of samples at a time, whose sums are of fixed order.
#pragma once

#include "dots_backward.h"
#include "layer.h"

namespace PINBENCH_NAMESPACE {
namespace {

// As PyTorch's: zero where the output is zero, and a NaN of the output lets the gradient pass.
PINBENCH_INLINE Floats let_back(Floats output, Floats gradient) { return output <= Floats{} ? Floats{} : gradient; }
PINBENCH_INLINE float let_back(float output, float gradient) { return output <= 0.0f ? 0.0f : gradient; }

template <Format kFormat>
void relu_backward_of(const ReluBackward& back, float* sum_O, int64_t begin, int64_t end) {
  for (int64_t at = 0; at < back.outputs; ++at) sum_O[at] = 0.0f;
  constexpr int64_t kRows = 4;  // so that a sum is read and written once for four samples
  const int64_t whole = back.outputs / kLanes * kLanes;
  for (int64_t sample = begin; sample < end; sample += kRows) {
    const int64_t rows = sample + kRows <= end ? kRows : end - sample;
    for (int64_t at = 0; at < whole; at += kLanes) {
      Floats sum = load<Floats>(sum_O + at);
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t place = (sample + row) * back.stride + at;
        const Floats output = load_values(kFormat, back.output_BO, place);
        const Floats gradient = let_back(output, load_values(kFormat, back.gradient_BO, place));
        store_values(kFormat, back.gradient_BO, place, gradient);
        sum += gradient;
      }
      store(sum_O + at, sum);
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t at = whole; at < back.outputs; ++at) {
        const int64_t place = (sample + row) * back.stride + at;
        const float output = value_of(kFormat, back.output_BO, place);
        const float gradient = let_back(output, value_of(kFormat, back.gradient_BO, place));
        put_value(kFormat, back.gradient_BO, place, gradient);
        sum_O[at] += gradient;
      }
  }
}

void relu_backward(const ReluBackward& back, float* sum_O, int64_t begin, int64_t end) {
  if (back.format == Format::kFloat)
    relu_backward_of<Format::kFloat>(back, sum_O, begin, end);
  else
    relu_backward_of<Format::kBfloat16>(back, sum_O, begin, end);
}

// Binary cross-entropy from the logit, which no probability near 0 or 1 can overflow.
PINBENCH_INLINE float loss_of(float logit, float label) {
  return (logit > 0.0f ? logit : 0.0f) - logit * label + log1pf(expf(-fabsf(logit)));
}

void head_forward(const HeadBackward& back, int64_t begin, int64_t end) {
  for (int64_t sample = begin; sample < end; ++sample) {
    const float logit = logit_of(back.head, back.input_BI, back.stride, sample);
    back.probability_B[sample] = sigmoid(logit);
    if (!back.label_B) continue;
    back.loss_B[sample] = loss_of(logit, back.label_B[sample]);
    back.logit_B[sample] = (back.probability_B[sample] - back.label_B[sample]) * back.scale;
  }
}

template <Format kFormat>
void head_backward_of(const HeadBackward& back, float* bias_I, float* weight_I, int64_t begin, int64_t end) {
  const int64_t inputs = back.head.inputs, whole = inputs / kLanes * kLanes;
  for (int64_t at = 0; at < inputs; ++at) bias_I[at] = weight_I[at] = 0.0f;
  for (int64_t sample = begin; sample < end; ++sample) {
    const float logit = back.logit_B[sample];
    const int64_t place = sample * back.stride;
    for (int64_t at = 0; at < whole; at += kLanes) {
      const Floats input = load_values(kFormat, back.input_BI, place + at);
      Floats gradient = splat(logit) * load<Floats>(back.head.weight + at);
      if (back.relu) gradient = let_back(input, gradient);
      store_values(kFormat, back.gradient_BI, place + at, gradient);
      store(bias_I + at, load<Floats>(bias_I + at) + gradient);
      store(weight_I + at, load<Floats>(weight_I + at) + splat(logit) * input);
    }
    for (int64_t at = whole; at < inputs; ++at) {
      const float input = value_of(kFormat, back.input_BI, place + at);
      float gradient = logit * back.head.weight[at];
      if (back.relu) gradient = let_back(input, gradient);
      put_value(kFormat, back.gradient_BI, place + at, gradient);
      bias_I[at] += gradient;
      weight_I[at] += logit * input;
    }
  }
}

void head_backward(const HeadBackward& back, float* bias_I, float* weight_I, int64_t begin, int64_t end) {
  if (back.head.input == Format::kFloat)
    head_backward_of<Format::kFloat>(back, bias_I, weight_I, begin, end);
  else
    head_backward_of<Format::kBfloat16>(back, bias_I, weight_I, begin, end);
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
