// The gradient of pairwise dots: each feature's is the sum of all others, weighted by the gradients of their dots.
#pragma once

#include "lookup_dots.h"
#include "training.h"

namespace PINBENCH_NAMESPACE {
namespace {

// A tile of gradients: its sums, a feature's values and one weight must fit the registers (12 + 2 + 1 of 16).
constexpr int kBackRows = 6;
constexpr int kBackVectors = kRegisters == 32 ? 4 : 2;
constexpr int64_t kBackValues = kBackVectors * kLanes;

// What a thread works in: where the rows lie, the symmetric matrix of weights, and copies of rows that are not fp32 or
// no multiple of a tile wide.
struct BackScratch {
  int64_t features, values, pointer_bytes, weight_bytes;

  explicit BackScratch(const DotsBackward& back) {
    features = back.lookup.tables + 1;
    values = round_up(back.lookup.width, kBackValues);
    pointer_bytes = round_up(features * int64_t{sizeof(float*)}, kLineBytes);
    weight_bytes = round_up(features * features * 4, kLineBytes);
  }

  int64_t bytes() const { return pointer_bytes + weight_bytes + features * values * 4; }
  const float** rows(void* memory) const { return static_cast<const float**>(memory); }
  float* weights(void* memory) const { return reinterpret_cast<float*>(static_cast<char*>(memory) + pointer_bytes); }
  float* copy(void* memory, int64_t feature) const { return weights(memory) + weight_bytes / 4 + feature * values; }
};

int64_t back_scratch_bytes(const DotsBackward& back) { return BackScratch(back).bytes(); }

PINBENCH_INLINE float value_of(Format format, const void* from, int64_t at) {
  return format == Format::kFloat ? static_cast<const float*>(from)[at] : widen(static_cast<const uint16_t*>(from)[at]);
}

PINBENCH_INLINE void put_value(Format format, void* to, int64_t at, float value) {
  if (format == Format::kFloat)
    static_cast<float*>(to)[at] = value;
  else
    static_cast<uint16_t*>(to)[at] = round_half(value);
}

PINBENCH_INLINE Floats load_values(Format format, const void* from, int64_t at) {
  return format == Format::kFloat ? load<Floats>(static_cast<const float*>(from) + at)
                                  : widen(load<Halves>(static_cast<const uint16_t*>(from) + at));
}

PINBENCH_INLINE void store_values(Format format, void* to, int64_t at, Floats values) {
  if (format == Format::kFloat)
    store(static_cast<float*>(to) + at, values);
  else
    store(static_cast<uint16_t*>(to) + at, round_halves(values));
}

PINBENCH_INLINE void rows_as_floats(const Lookup& lookup, const BackScratch& scratch, void* memory, int64_t sample) {
  const float** rows = scratch.rows(memory);
  for (int64_t feature = 0; feature < scratch.features; ++feature) {
    const char* row = feature ? table_row(lookup, sample, feature - 1) : dense_row(lookup, sample);
    const Format format = feature ? lookup.format : lookup.feature_format;
    float* copy = scratch.copy(memory, feature);
    rows[feature] = copy;
    if (format == Format::kBfloat16)
      widen_row(row, copy, lookup.width);
    else if (scratch.values == lookup.width)
      rows[feature] = reinterpret_cast<const float*>(row);
    else
      memcpy(copy, row, lookup.width * 4);
  }
}

template <Format kFormat>
PINBENCH_INLINE void fill_weights(const DotsBackward& back, int64_t features, float* weights, int64_t sample) {
  int64_t pair = sample * back.features_stride + back.lookup.width;
  for (int64_t row = 0; row < features; ++row) {
    for (int64_t column = 0; column < row; ++column, ++pair) {
      const float weight = value_of(kFormat, back.features_BW, pair);
      weights[row * features + column] = weights[column * features + row] = weight;
    }
    weights[row * features + row] = 0.0f;
  }
}

// Where the gradient of a feature goes.
struct Place {
  void* to;
  int64_t begin;
};

PINBENCH_INLINE Place place_of(const DotsBackward& back, int64_t sample, int64_t feature) {
  const int64_t width = back.lookup.width;
  if (!feature) return {back.dense_BD, sample * width};
  return {back.rows_NFD, (sample * back.lookup.tables + feature - 1) * width};
}

// kWhole: the width is a multiple of a tile's.
template <Format kFormat, bool kWhole>
PINBENCH_INLINE void put_values(const Place& place, int64_t at, int64_t width, Floats values) {
  if (kWhole || at + kLanes <= width) {
    store_values(kFormat, place.to, place.begin + at, values);
    return;
  }
  for (int64_t lane = 0; at + lane < width; ++lane) put_value(kFormat, place.to, place.begin + at + lane, values[lane]);
}

template <Format kFormat, bool kWhole, int kRows>
PINBENCH_INLINE void back_tile(const DotsBackward& back, const BackScratch& scratch, void* memory, int64_t sample,
                               int64_t feature, int64_t at) {
  const float* const* rows = scratch.rows(memory);
  const float* weights = scratch.weights(memory) + feature * scratch.features;
  Floats sums[kRows][kBackVectors] = {};
  for (int64_t other = 0; other < scratch.features; ++other) {
    Floats values[kBackVectors];
    for (int v = 0; v < kBackVectors; ++v) values[v] = load<Floats>(rows[other] + at + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Floats weight = splat(weights[r * scratch.features + other]);
      for (int v = 0; v < kBackVectors; ++v) sums[r][v] += weight * values[v];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const Place place = place_of(back, sample, feature + r);
    for (int v = 0; v < kBackVectors; ++v)
      put_values<kFormat, kWhole>(place, at + v * kLanes, back.lookup.width, sums[r][v]);
  }
}

// The code for `rows` features, at most kRows: fewer than a whole tile's are left over at the end.
template <Format kFormat, bool kWhole, int kRows>
void back_features(int64_t rows, const DotsBackward& back, const BackScratch& scratch, void* memory, int64_t sample,
                   int64_t feature) {
  if constexpr (kRows > 1) {
    if (rows < kRows) {
      back_features<kFormat, kWhole, kRows - 1>(rows, back, scratch, memory, sample, feature);
      return;
    }
  }
  for (int64_t at = 0; at < scratch.values; at += kBackValues)
    back_tile<kFormat, kWhole, kRows>(back, scratch, memory, sample, feature, at);
}

// The dense feature went into the output itself besides.
template <Format kFormat>
PINBENCH_INLINE void add_direct(const DotsBackward& back, int64_t sample) {
  const int64_t width = back.lookup.width, direct = sample * back.features_stride, begin = sample * width;
  for (int64_t at = 0; at < width; ++at)
    put_value(kFormat, back.dense_BD, begin + at,
              value_of(kFormat, back.dense_BD, begin + at) + value_of(kFormat, back.features_BW, direct + at));
}

template <Format kFormat, bool kWhole>
void dots_backward_of(const DotsBackward& back, const BackScratch& scratch, void* memory, int64_t sample,
                      int64_t ahead) {
  const Lookup& lookup = back.lookup;
  fill_weights<kFormat>(back, scratch.features, scratch.weights(memory), sample);
  for (int64_t feature = 0; feature < scratch.features; feature += kBackRows) {
    const int64_t rows = scratch.features - feature < kBackRows ? scratch.features - feature : kBackRows;
    const int64_t tables_end = feature + rows <= lookup.tables ? feature + rows : lookup.tables;
    if (ahead >= 0) fetch_rows(lookup, ahead, feature, tables_end);
    back_features<kFormat, kWhole, kBackRows>(rows, back, scratch, memory, sample, feature);
  }
  add_direct<kFormat>(back, sample);
}

void dots_backward(const DotsBackward& back, void* memory, int64_t sample, int64_t ahead) {
  const Lookup& lookup = back.lookup;
  const BackScratch scratch(back);
  for (int64_t table = 0; table < lookup.tables; ++table) {
    const int64_t id = lookup.id_BF[sample * lookup.id_stride_B + table * lookup.id_stride_F];
    back.row_NF[sample * lookup.tables + table] = lookup.first_row_F[table] + id;
  }
  rows_as_floats(lookup, scratch, memory, sample);
  const bool is_whole = scratch.values == lookup.width;
  if (lookup.feature_format == Format::kFloat)
    (is_whole ? dots_backward_of<Format::kFloat, true> : dots_backward_of<Format::kFloat, false>)(
        back, scratch, memory, sample, ahead);
  else
    (is_whole ? dots_backward_of<Format::kBfloat16, true> : dots_backward_of<Format::kBfloat16, false>)(
        back, scratch, memory, sample, ahead);
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
