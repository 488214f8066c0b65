// Rows of the weight store, changed in place: each by the one thread that it belongs to, in the order of the batch.
//
// A row may be fp32, or split: the upper halves of its fp32 weights, which are bfloat16 and all that the lookup reads,
// and behind them the lower ones (Split-SGD-BF16, Kalamkar et al., arXiv:2005.04680, section III-E). Ours differ in
// that the upper half is the nearest bfloat16: the lower one is then a signed number.
#pragma once

#include "dots_backward.h"

namespace PINBENCH_NAMESPACE {
namespace {

typedef int32_t Integers __attribute__((vector_size(kLanes * 4)));
typedef int16_t Shorts __attribute__((vector_size(kLanes * 2)));

// Rows whose memory is asked for before their turn: enough to hide its latency behind the additions of a row.
constexpr int64_t kRowsAhead = 12;

PINBENCH_INLINE Floats join(Halves upper, Shorts lower) {
  const Words words = __builtin_convertvector(upper, Words) << 16;
  return reinterpret_cast<Floats>(words + reinterpret_cast<Words>(__builtin_convertvector(lower, Integers)));
}

PINBENCH_INLINE float join(uint16_t upper, int16_t lower) {
  const uint32_t word = (static_cast<uint32_t>(upper) << 16) + static_cast<uint32_t>(static_cast<int32_t>(lower));
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

PINBENCH_INLINE void split(Floats values, uint16_t* upper, int16_t* lower) {
  const Words words = reinterpret_cast<Words>(values);
  const Words high = (words + 0x8000) >> 16;
  store(upper, __builtin_convertvector(high, Halves));
  store(lower, __builtin_convertvector(words - (high << 16), Halves));
}

PINBENCH_INLINE void split(float value, uint16_t* upper, int16_t* lower) {
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  *upper = static_cast<uint16_t>((word + 0x8000) >> 16);
  *lower = static_cast<int16_t>(static_cast<uint16_t>(word - (static_cast<uint32_t>(*upper) << 16)));
}

template <Format kGradient>
PINBENCH_INLINE void add_row(float* row, const void* gradient, int64_t width) {
  int64_t at = 0;
  for (; at + kLanes <= width; at += kLanes)
    store(row + at, load<Floats>(row + at) + load_values(kGradient, gradient, at));
  for (; at < width; ++at) row[at] += value_of(kGradient, gradient, at);
}

template <Format kGradient>
PINBENCH_INLINE void add_split_row(uint16_t* upper, const void* gradient, int64_t width) {
  int16_t* lower = reinterpret_cast<int16_t*>(upper + width);
  int64_t at = 0;
  for (; at + kLanes <= width; at += kLanes) {
    const Floats values = join(load<Halves>(upper + at), load<Shorts>(lower + at));
    split(values + load_values(kGradient, gradient, at), upper + at, lower + at);
  }
  for (; at < width; ++at)
    split(join(upper[at], lower[at]) + value_of(kGradient, gradient, at), upper + at, lower + at);
}

PINBENCH_INLINE void fetch_for_update(const RowUpdate& update, int64_t item) {
  const int64_t bytes = update.width * 4, gradient_bytes = update.width * value_bytes(update.gradient_format);
  const char* row = static_cast<char*>(update.tables_RD) +
                    update.row_N[item] * update.row_stride * value_bytes(update.format);
  const char* gradient = static_cast<const char*>(update.gradient_ND) + item * gradient_bytes;
  for (int64_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(row + at, 1);
  for (int64_t at = 0; at < gradient_bytes; at += kLineBytes) __builtin_prefetch(gradient + at);
}

template <Format kGradient>
void update_rows_of(const RowUpdate& update, const int64_t* item_N, int64_t items) {
  const int64_t gradient_bytes = update.width * value_bytes(kGradient);
  for (int64_t place = 0; place < items; ++place) {
    if (place + kRowsAhead < items)
      fetch_for_update(update, item_N ? item_N[place + kRowsAhead] : place + kRowsAhead);
    const int64_t item = item_N ? item_N[place] : place;
    const char* gradient = static_cast<const char*>(update.gradient_ND) + item * gradient_bytes;
    const int64_t begin = update.row_N[item] * update.row_stride;
    if (update.format == Format::kFloat)
      add_row<kGradient>(static_cast<float*>(update.tables_RD) + begin, gradient, update.width);
    else
      add_split_row<kGradient>(static_cast<uint16_t*>(update.tables_RD) + begin, gradient, update.width);
  }
}

void update_rows(const RowUpdate& update, const int64_t* item_N, int64_t items) {
  if (update.gradient_format == Format::kFloat)
    update_rows_of<Format::kFloat>(update, item_N, items);
  else
    update_rows_of<Format::kBfloat16>(update, item_N, items);
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
