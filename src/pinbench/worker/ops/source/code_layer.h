// Layers of codes for a few samples, in the panels of layer.h, and the lookup whose output is codes.
#pragma once

#include "code_lanes.h"
#include "layer.h"
#include "lookup_dots.h"

namespace PINBENCH_NAMESPACE {
namespace {

PINBENCH_INLINE int64_t output_bytes(CodeOutput output) {
  return output == CodeOutput::kCodes ? 1 : output == CodeOutput::kBfloat16 ? 2 : 4;
}

// The step of layer.h along the inputs: four codes.
template <bool kNarrow>
struct CodeStep {
  using Layer = CodeLayer;
  using Sums = Ints;
  static constexpr int kInputs = kCodeGroup;

  static PINBENCH_INLINE Ints start(const CodeLayer& layer, int64_t output) {
    return load<Ints>(layer.start + output);
  }
  static PINBENCH_INLINE Ints add(Ints sums, const char* x, const char* weights) {
    return add_products<kNarrow>(sums, Words{} + load<uint32_t>(x), load<Words>(weights));
  }
  static PINBENCH_INLINE void put(const CodeLayer& layer, int64_t output, Ints sums, char* y) {
    const Floats scaled = rounded_product(__builtin_convertvector(sums, Floats), load<Floats>(layer.scale + output));
    const Floats values = activate(scaled + load<Floats>(layer.bias + output), layer.relu);
    char* to = y + output * output_bytes(layer.output);
    if (layer.output == CodeOutput::kCodes)
      store(to, requantize(values, layer.codes));
    else if (layer.output == CodeOutput::kBfloat16)
      store(to, round_halves(values));
    else
      store(to, values);
  }
};

void code_layer(const CodeLayer& layer, const void* x, int64_t x_bytes, void* y, int64_t y_bytes, int64_t samples,
                int64_t panel_begin, int64_t panel_end) {
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  // Two loops only where they differ.
#if defined(__AVX2__) && !defined(__AVX512VNNI__) && !defined(PINBENCH_LANES)
  if (layer.narrow) {
    multiply<CodeStep<true>>(layer, from, x_bytes, to, y_bytes, samples, panel_begin, panel_end);
    return;
  }
#endif
  multiply<CodeStep<false>>(layer, from, x_bytes, to, y_bytes, samples, panel_begin, panel_end);
}

PINBENCH_INLINE uint8_t encode_value(float value, const Codes& codes) {
  return encode_values(splat(value), codes)[0];
}

void encode(const Codes& codes, const float* x, int64_t x_stride, int64_t inputs, uint8_t* code, int64_t width,
            int64_t begin, int64_t end) {
  for (int64_t sample = begin; sample < end; ++sample) {
    const float* from = x + sample * x_stride;
    uint8_t* to = code + sample * width;
    for (int64_t at = 0; at < inputs; ++at) to[at] = encode_value(from[at], codes);
    memset(to + inputs, 0, width - inputs);
  }
}

// Values [begin, end) of a row in the type of the tables.
void encode_row(const Codes& codes, Format format, const void* row, uint8_t* code, int64_t begin, int64_t end) {
  const float* values = static_cast<const float*>(row);
  const uint16_t* halves = static_cast<const uint16_t*>(row);
  const bool is_float = format == Format::kFloat;
  int64_t at = begin;
  for (; at + kLanes <= end; at += kLanes) {
    const Floats part = is_float ? load<Floats>(values + at) : widen(load<Halves>(halves + at));
    store(code + at, encode_values(part, codes));
  }
  for (; at < end; ++at) code[at] = encode_value(is_float ? values[at] : widen(halves[at]), codes);
}

int64_t code_scratch_bytes(const Lookup& lookup) {
  const int64_t row = (lookup.width + num_pairs(lookup.tables + 1)) * value_bytes(lookup.format);
  return scratch_bytes(lookup) + round_up(row, kLineBytes);
}

// One sample's features pass through a row of the thread's own, which stays in its first-level cache.
bool lookup_codes(const Lookup& lookup, const Codes& codes, uint8_t* code_BW, int64_t width, void* scratch,
                  int64_t sample, int64_t ahead, int64_t row_begin, int64_t row_end) {
  const int64_t dots = num_pairs(lookup.tables + 1);
  char* row = static_cast<char*>(scratch) + scratch_bytes(lookup);
  Lookup to_row = lookup;
  to_row.output_width = lookup.width + dots;
  to_row.output_BW = row - sample * to_row.output_width * value_bytes(lookup.format);
  if (!lookup_dots(to_row, scratch, sample, ahead, row_begin, row_end)) return false;
  uint8_t* code = code_BW + sample * width;
  if (row_begin == 1) {
    encode_row(codes, lookup.format, row, code, 0, lookup.width);
    memset(code + lookup.width + dots, 0, width - lookup.width - dots);
  }
  encode_row(codes, lookup.format, row, code, lookup.width + num_pairs(row_begin), lookup.width + num_pairs(row_end));
  return true;
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
