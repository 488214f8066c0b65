// Layers for a few samples: weights in panels, read once from end to end, sums in registers.
#pragma once

#include <math.h>

#include "kernels.h"
#include "lanes.h"

namespace PINBENCH_NAMESPACE {
namespace {

constexpr int kPanelVectors = 2;
constexpr int kPanelOutputs = kPanelVectors * kLanes;
// Samples whose sums fit the registers beside a panel's weights and a sample's value (10 + 2 + 1 of 16), and whose
// addresses fit the general ones: the sums of 12 would fit 32 registers, but their addresses would be spilled.
constexpr int kMostSamples = kRegisters == 32 ? 8 : 5;
// One sample alone has too few sums to keep the multipliers busy: several panels then take part at once.
constexpr int kPanelsOfOne = 4;

PINBENCH_INLINE Floats activate(Floats values, bool relu) {
  return relu ? (values < Floats{} ? Floats{} : values) : values;  // a NaN passes
}

// The step along the inputs that one multiplication takes, and how: one fp32 value, or a pair of bfloat16 values.
// Sums start from `start`, `add` takes one step for a register of outputs, and `put` finishes them.
struct FloatStep {
  using Layer = PINBENCH_NAMESPACE::Layer;
  using Sums = Floats;
  static constexpr int kInputs = 1;
  static PINBENCH_INLINE Floats start(const Layer& layer, int64_t output) { return load<Floats>(layer.bias + output); }
  static PINBENCH_INLINE Floats add(Floats sum, const char* x, const char* weights) {
    return sum + splat(load<float>(x)) * load<Floats>(weights);
  }
  static PINBENCH_INLINE void put(const Layer& layer, int64_t output, Floats sums, char* y) {
    store(y + 4 * output, activate(sums, layer.relu));
  }
};

struct Bfloat16Step {
  using Layer = PINBENCH_NAMESPACE::Layer;
  using Sums = Floats;
  static constexpr int kInputs = 2;
  static PINBENCH_INLINE Floats start(const Layer& layer, int64_t output) { return load<Floats>(layer.bias + output); }
  static PINBENCH_INLINE Floats add(Floats sum, const char* x, const char* weights) {
    const uint32_t pair = load<uint32_t>(x);
    const Words both = load<Words>(weights);
#if defined(PINBENCH_PAIRS)
    return add_pair_products(sum, Words{} + pair, both);
#else
    sum += splat(widen(static_cast<uint16_t>(pair))) * reinterpret_cast<Floats>(both << 16);
    return sum + splat(widen(static_cast<uint16_t>(pair >> 16))) * reinterpret_cast<Floats>(both & 0xFFFF0000u);
#endif
  }
  static PINBENCH_INLINE void put(const Layer& layer, int64_t output, Floats sums, char* y) {
    store(y + 2 * output, round_halves(activate(sums, layer.relu)));
  }
};

template <class Step, int kSamples, int kPanels>
PINBENCH_INLINE void multiply_panels(const typename Step::Layer& layer, const char* x, int64_t x_bytes, char* y, int64_t y_bytes,
                                     int64_t panel) {
  constexpr int kVectors = kPanels * kPanelVectors;
  const int64_t steps = layer.inputs / Step::kInputs;
  const int64_t panel_bytes = steps * kPanelOutputs * 4;
  const char* weights = static_cast<const char*>(layer.panels) + panel * panel_bytes;
  typename Step::Sums sums[kSamples][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    const typename Step::Sums start = Step::start(layer, panel * kPanelOutputs + v * kLanes);
    for (int s = 0; s < kSamples; ++s) sums[s][v] = start;
  }
  for (int64_t step = 0; step < steps; ++step) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t vector = step * kPanelVectors + v % kPanelVectors;
      const char* from = weights + v / kPanelVectors * panel_bytes + vector * int64_t{sizeof(Floats)};
      for (int s = 0; s < kSamples; ++s)
        sums[s][v] = Step::add(sums[s][v], x + s * x_bytes + step * 4, from);
    }
  }
  for (int s = 0; s < kSamples; ++s)
    for (int v = 0; v < kVectors; ++v)
      Step::put(layer, panel * kPanelOutputs + v * kLanes, sums[s][v], y + s * y_bytes);
}

template <class Step, int kSamples>
void multiply_samples(const typename Step::Layer& layer, const char* x, int64_t x_bytes, char* y, int64_t y_bytes, int64_t panel,
                      int64_t panel_end) {
  if constexpr (kSamples == 1) {
    for (; panel + kPanelsOfOne <= panel_end; panel += kPanelsOfOne)
      multiply_panels<Step, 1, kPanelsOfOne>(layer, x, x_bytes, y, y_bytes, panel);
  }
  if constexpr (kSamples <= 3) {
    for (; panel + 2 <= panel_end; panel += 2)
      multiply_panels<Step, kSamples, 2>(layer, x, x_bytes, y, y_bytes, panel);
  }
  for (; panel < panel_end; ++panel) multiply_panels<Step, kSamples, 1>(layer, x, x_bytes, y, y_bytes, panel);
}

// The code for `samples` of them, at most kSamples.
template <class Step, int kSamples>
void multiply_group(int64_t samples, const typename Step::Layer& layer, const char* x, int64_t x_bytes, char* y, int64_t y_bytes,
                    int64_t panel_begin, int64_t panel_end) {
  if constexpr (kSamples > 1) {
    if (samples < kSamples) {
      multiply_group<Step, kSamples - 1>(samples, layer, x, x_bytes, y, y_bytes, panel_begin, panel_end);
      return;
    }
  }
  multiply_samples<Step, kSamples>(layer, x, x_bytes, y, y_bytes, panel_begin, panel_end);
}

template <class Step>
void multiply(const typename Step::Layer& layer, const char* x, int64_t x_bytes, char* y, int64_t y_bytes, int64_t samples,
              int64_t panel_begin, int64_t panel_end) {
  const int64_t groups = (samples + kMostSamples - 1) / kMostSamples;
  for (int64_t group = 0; group < groups; ++group) {  // of about one size: a group of one reads the weights for little
    const int64_t begin = group * samples / groups, end = (group + 1) * samples / groups;
    multiply_group<Step, kMostSamples>(end - begin, layer, x + begin * x_bytes, x_bytes, y + begin * y_bytes, y_bytes,
                                       panel_begin, panel_end);
  }
}

void layer(const Layer& layer, const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t samples,
           int64_t panel_begin, int64_t panel_end) {
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  if (layer.format == Format::kFloat)
    multiply<FloatStep>(layer, from, 4 * x_stride, to, 4 * y_stride, samples, panel_begin, panel_end);
  else
    multiply<Bfloat16Step>(layer, from, 2 * x_stride, to, 2 * y_stride, samples, panel_begin, panel_end);
}

PINBENCH_INLINE float sigmoid(float logit) { return 1.0f / (1.0f + expf(-logit)); }

PINBENCH_INLINE float logit_of(const Head& head, const void* x, int64_t x_stride, int64_t sample) {
  Floats sums{};
  float rest = head.bias;
  const float* values = static_cast<const float*>(x) + sample * x_stride;
  const uint16_t* halves = static_cast<const uint16_t*>(x) + sample * x_stride;
  const bool is_float = head.input == Format::kFloat;
  int64_t at = 0;
  for (; at + kLanes <= head.inputs; at += kLanes) {
    const Floats hidden = is_float ? load<Floats>(values + at) : widen(load<Halves>(halves + at));
    sums += hidden * load<Floats>(head.weight + at);
  }
  for (; at < head.inputs; ++at) rest += (is_float ? values[at] : widen(halves[at])) * head.weight[at];
  const Quad quad = quad_of(sums);
  return rest + quad[0] + quad[1] + quad[2] + quad[3];
}

void head(const Head& head, const void* x, int64_t x_stride, float* probability_B, int64_t begin, int64_t end) {
  for (int64_t sample = begin; sample < end; ++sample)
    probability_B[sample] = sigmoid(logit_of(head, x, x_stride, sample));
}

void pad(Format format, const float* x, int64_t x_stride, int64_t inputs, void* y, int64_t width, int64_t begin,
         int64_t end) {
  for (int64_t sample = begin; sample < end; ++sample) {
    const float* from = x + sample * x_stride;
    for (int64_t at = 0; at < width; ++at) {
      const float value = at < inputs ? from[at] : 0.0f;
      if (format == Format::kFloat)
        static_cast<float*>(y)[sample * width + at] = value;
      else
        static_cast<uint16_t*>(y)[sample * width + at] = round_half(value);
    }
  }
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
