// Sums of the rows of bags, in registers, rows fetched a fixed number of ids ahead.
#pragma once

#include "kernels.h"
#include "lanes.h"
#include "lookup_dots.h"

namespace PINBENCH_NAMESPACE {
namespace {

// Rows that are on their way while one is added: enough to hide the latency of memory behind the adding of the others.
constexpr int64_t kIdsAhead = 16;
// Sums of a row's part, beside one register that a value passes through.
constexpr int kSumVectors = kRegisters == 32 ? 16 : 8;

PINBENCH_INLINE bool bag_is_fine(const Lookup& lookup, int64_t bag) {
  const int64_t begin = lookup.offset_K[bag], end = lookup.offset_K[bag + 1];
  if (begin < 0 || begin > end || end > lookup.ids) return false;
  const int64_t table = bag % lookup.tables;
  const uint64_t first = lookup.first_row_F[table], rows = lookup.rows_F[table];
  bool fine = true;
  for (int64_t at = begin; at < end; ++at) fine &= static_cast<uint64_t>(lookup.id_BF[at]) - first < rows;
  return fine;
}

PINBENCH_INLINE void fetch_row(const Lookup& lookup, int64_t at) {
  const int64_t value = value_bytes(lookup.format), bytes = lookup.width * value;
  const char* row = static_cast<const char*>(lookup.tables_RD) + lookup.id_BF[at] * lookup.row_stride * value;
  // A fetch never faults. The row is read once (0): into the first cache alone where the CPU can, so that the weights
  // of the layers stay in the others.
  for (int64_t line = 0; line < bytes; line += kLineBytes) __builtin_prefetch(row + line, 0, 0);
}

// Add up values [column, column + kVectors * kLanes) of the rows of ids [begin, end).
template <int kVectors>
PINBENCH_INLINE void sum_part(const Lookup& lookup, int64_t begin, int64_t end, int64_t column, float* to) {
  const bool is_float = lookup.format == Format::kFloat;
  const int64_t value = is_float ? 4 : 2, bytes = lookup.row_stride * value;
  const char* from = static_cast<const char*>(lookup.tables_RD) + column * value;
  Floats sums[kVectors] = {};
  for (int64_t at = begin; at < end; ++at) {
    if (column == 0 && at + kIdsAhead < lookup.ids) fetch_row(lookup, at + kIdsAhead);
    const char* row = from + lookup.id_BF[at] * bytes;
    if (is_float) {
      for (int v = 0; v < kVectors; ++v) sums[v] += load<Floats>(row + v * kLanes * 4);
    } else {
      for (int v = 0; v < kVectors; ++v) sums[v] += widen(load<Halves>(row + v * kLanes * 2));
    }
  }
  for (int v = 0; v < kVectors; ++v) store(to + column + v * kLanes, sums[v]);
}

template <int kVectors>
PINBENCH_INLINE int64_t sum_parts(const Lookup& lookup, int64_t begin, int64_t end, int64_t column, float* to) {
  for (; column + kVectors * kLanes <= lookup.width; column += kVectors * kLanes)
    sum_part<kVectors>(lookup, begin, end, column, to);
  return column;
}

void sum_rest(const Lookup& lookup, int64_t begin, int64_t end, int64_t column, float* to) {
  const float* floats = static_cast<const float*>(lookup.tables_RD);
  const uint16_t* halves = static_cast<const uint16_t*>(lookup.tables_RD);
  for (; column < lookup.width; ++column) {
    float sum = 0.0f;
    for (int64_t at = begin; at < end; ++at) {
      const int64_t place = lookup.id_BF[at] * lookup.row_stride + column;
      sum += lookup.format == Format::kFloat ? floats[place] : widen(halves[place]);
    }
    to[column] = sum;
  }
}

bool pool(const Lookup& lookup, int64_t bag_begin, int64_t bag_end) {
  bool fine = true;
  for (int64_t bag = bag_begin; bag < bag_end; ++bag) {
    if (!bag_is_fine(lookup, bag)) {
      fine = false;
      continue;
    }
    const int64_t begin = lookup.offset_K[bag], end = lookup.offset_K[bag + 1];
    float* to = lookup.sum_KD + bag * lookup.width;
    int64_t column = sum_parts<kSumVectors>(lookup, begin, end, 0, to);
    column = sum_parts<kSumVectors / 2>(lookup, begin, end, column, to);
    column = sum_parts<kSumVectors / 4>(lookup, begin, end, column, to);
    column = sum_parts<1>(lookup, begin, end, column, to);
    sum_rest(lookup, begin, end, column, to);
  }
  return fine;
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
