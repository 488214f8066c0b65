// Gather of all tables' rows and the strict lower triangle of their dot products, one sample at a time, in registers.
#pragma once

#include "kernels.h"
#include "lanes.h"

namespace PINBENCH_NAMESPACE {
namespace {

// A tile of the triangle: its sums, a column and the tile's rows must fit the registers together (12 + 1 + 3 of 16).
constexpr int kTileRows = kRegisters == 32 ? 4 : 3;
constexpr int kTileColumns = 4;
constexpr int64_t kLineBytes = 64;

PINBENCH_INLINE int64_t round_up(int64_t value, int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Whether pairs of bfloat16 are multiplied as they lie; sums of bags are fp32.
PINBENCH_INLINE bool pairs_here(const Lookup& lookup) {
#if defined(PINBENCH_PAIRS)
  return lookup.format == Format::kBfloat16 && !lookup.offset_K;
#else
  (void)lookup;
  return false;
#endif
}

PINBENCH_INLINE int64_t value_bytes(Format format) { return format == Format::kFloat ? 4 : 2; }

PINBENCH_INLINE int64_t num_pairs(int64_t features) { return features * (features - 1) / 2; }

// What a thread works in. Rows that a register cannot read where they lie are copied: bfloat16 without instructions
// for it is widened, and a width that is no multiple of the lanes gets zeros behind it.
struct Scratch {
  int64_t features;        // G and the rows of zeros that fill a tile
  int64_t row_bytes;       // of a copied row, whole lines
  int64_t triangle_bytes;  // the dots in fp32
  int64_t pointer_bytes;   // where the row of each feature lies

  explicit Scratch(const Lookup& lookup) {
    const bool pairs = pairs_here(lookup);
    const int64_t values = round_up(lookup.width, pairs ? 2 * kLanes : kLanes);
    features = lookup.tables + 1 + kTileColumns - 1;
    row_bytes = round_up(values * (pairs ? 2 : 4), kLineBytes);
    triangle_bytes = round_up(num_pairs(lookup.tables + 1) * 4, kLineBytes);
    pointer_bytes = round_up(features * int64_t{sizeof(char*)}, kLineBytes);
  }

  int64_t bytes() const { return pointer_bytes + triangle_bytes + features * row_bytes; }
  const char** rows(void* memory) const { return static_cast<const char**>(memory); }
  float* triangle(void* memory) const { return reinterpret_cast<float*>(static_cast<char*>(memory) + pointer_bytes); }
  char* copy(void* memory, int64_t feature) const {
    return static_cast<char*>(memory) + pointer_bytes + triangle_bytes + feature * row_bytes;
  }
};

int64_t scratch_bytes(const Lookup& lookup) { return Scratch(lookup).bytes(); }

PINBENCH_INLINE const char* table_row(const Lookup& lookup, int64_t sample, int64_t table) {
  const int64_t id = lookup.id_BF[sample * lookup.id_stride_B + table * lookup.id_stride_F];
  const int64_t row = lookup.first_row_F[table] + id;
  return static_cast<const char*>(lookup.tables_RD) + row * lookup.row_stride * value_bytes(lookup.format);
}

PINBENCH_INLINE void fetch_rows(const Lookup& lookup, int64_t sample, int64_t begin, int64_t end) {
  const int64_t bytes = lookup.width * value_bytes(lookup.format);
  for (int64_t table = begin; table < end; ++table) {
    const char* row = table_row(lookup, sample, table);  // an id out of range: a fetch never faults
    for (int64_t at = 0; at < bytes; at += kLineBytes) __builtin_prefetch(row + at);
  }
}

void fetch(const Lookup& lookup, int64_t sample) {
  if (!lookup.offset_K) fetch_rows(lookup, sample, 0, lookup.tables);
}

PINBENCH_INLINE const char* dense_row(const Lookup& lookup, int64_t sample) {
  return static_cast<const char*>(lookup.dense_BD) + sample * lookup.dense_stride * value_bytes(lookup.feature_format);
}

PINBENCH_INLINE bool ids_are_rows(const Lookup& lookup, int64_t sample) {
  if (lookup.offset_K) return true;  // `pool` has looked
  const int64_t* id = lookup.id_BF + sample * lookup.id_stride_B;
  bool fine = true;
  for (int64_t table = 0; table < lookup.tables; ++table)
    fine &= static_cast<uint64_t>(id[table * lookup.id_stride_F]) < static_cast<uint64_t>(lookup.rows_F[table]);
  return fine;
}

PINBENCH_INLINE void widen_row(const char* from, float* to, int64_t values) {
  int64_t at = 0;
  for (; at + kLanes <= values; at += kLanes) store(to + at, widen(load<Halves>(from + 2 * at)));
  for (; at < values; ++at) to[at] = widen(load<uint16_t>(from + 2 * at));
}

void copy_row(const Lookup& lookup, Format format, const char* from, char* to) {
  if (format == Format::kFloat || pairs_here(lookup))
    memcpy(to, from, lookup.width * value_bytes(format));
  else
    widen_row(from, reinterpret_cast<float*>(to), lookup.width);
}

// Point at the rows of a sample, or at copies of those that cannot be read where they lie; and, for the last tile, at
// rows of zeros: memory comes zeroed, and only the copies of features are written.
PINBENCH_INLINE void point_at_rows(const Lookup& lookup, const Scratch& scratch, void* memory, int64_t sample) {
  const char** row = scratch.rows(memory);
  row[0] = dense_row(lookup, sample);
  const float* sum = lookup.sum_KD + sample * lookup.tables * lookup.width;
  for (int64_t table = 0; table < lookup.tables; ++table)
    row[table + 1] = lookup.offset_K ? reinterpret_cast<const char*>(sum + table * lookup.width)
                                     : table_row(lookup, sample, table);
  for (int64_t feature = lookup.tables + 1; feature < scratch.features; ++feature)
    row[feature] = scratch.copy(memory, feature);
  const Format rows = lookup.offset_K ? Format::kFloat : lookup.format;  // of what is multiplied
  const bool in_full = rows == Format::kFloat || pairs_here(lookup);
  const bool is_whole = in_full && lookup.width * value_bytes(rows) % int64_t{sizeof(Floats)} == 0;
  const int64_t copied = !is_whole ? lookup.tables + 1 : lookup.feature_format == rows ? 0 : 1;
  for (int64_t feature = 0; feature < copied; ++feature) {
    char* copy = scratch.copy(memory, feature);
    copy_row(lookup, feature ? rows : lookup.feature_format, row[feature], copy);
    row[feature] = copy;
  }
}

template <class Multiply>
PINBENCH_INLINE void multiply_tile(const char* const* row, const char* const* column, int64_t bytes,
                                   Quad (&sums)[kTileRows], Multiply multiply) {
  Floats partial[kTileRows][kTileColumns] = {};
  for (int64_t at = 0; at < bytes; at += int64_t{sizeof(Floats)}) {
    Floats values[kTileRows];
    for (int r = 0; r < kTileRows; ++r) values[r] = load<Floats>(row[r] + at);
    for (int c = 0; c < kTileColumns; ++c) {
      const Floats other = load<Floats>(column[c] + at);
      for (int r = 0; r < kTileRows; ++r) partial[r][c] = multiply(partial[r][c], values[r], other);
    }
  }
  for (int r = 0; r < kTileRows; ++r)
    sums[r] = sums_of(partial[r][0], partial[r][1], partial[r][2], partial[r][3]);
}

// The part of a tile that lies below the diagonal, each row behind the one above it.
PINBENCH_INLINE void keep_tile(const Quad (&sums)[kTileRows], int64_t row, int64_t row_end, int64_t column,
                               float* triangle) {
  for (int r = 0; r < kTileRows && row + r < row_end; ++r) {
    const int64_t below = row + r - column;
    float* to = triangle + num_pairs(row + r) + column;
    if (below >= kTileColumns) {
      store(to, sums[r]);
    } else {
      for (int64_t c = 0; c < below; ++c) to[c] = sums[r][c];
    }
  }
}

PINBENCH_INLINE void multiply_rows(const Lookup& lookup, const char* const* rows, float* triangle, int64_t ahead,
                                   int64_t row_begin, int64_t row_end) {
  const bool pairs = pairs_here(lookup);
  const int64_t bytes = pairs ? round_up(lookup.width, 2 * kLanes) * 2 : round_up(lookup.width, kLanes) * 4;
  for (int64_t row = row_begin; row < row_end; row += kTileRows) {
    const int64_t tile_end = row + kTileRows < row_end ? row + kTileRows : row_end;
    // A tile's rows at a time: more fetches at once than the core has buffers for would stall it.
    if (ahead >= 0 && !lookup.offset_K) fetch_rows(lookup, ahead, row - 1, tile_end - 1);
    for (int64_t column = 0; column < tile_end - 1; column += kTileColumns) {
      Quad sums[kTileRows];
#if defined(PINBENCH_PAIRS)
      if (pairs) {
        multiply_tile(rows + row, rows + column, bytes, sums, [](Floats sum, Floats a, Floats b) {
          return add_pair_products(sum, reinterpret_cast<Words>(a), reinterpret_cast<Words>(b));
        });
        keep_tile(sums, row, tile_end, column, triangle);
        continue;
      }
#endif
      multiply_tile(rows + row, rows + column, bytes, sums, [](Floats sum, Floats a, Floats b) { return sum + a * b; });
      keep_tile(sums, row, tile_end, column, triangle);
    }
  }
}

PINBENCH_INLINE void round_row(const float* from, uint16_t* to, int64_t values) {
  int64_t at = 0;
  for (; at + kLanes <= values; at += kLanes) store(to + at, round_halves(load<Floats>(from + at)));
  for (; at < values; ++at) to[at] = round_half(from[at]);
}

bool lookup_dots(const Lookup& lookup, void* memory, int64_t sample, int64_t ahead, int64_t row_begin,
                 int64_t row_end) {
  if (!ids_are_rows(lookup, sample)) return false;
  const Scratch scratch(lookup);
  point_at_rows(lookup, scratch, memory, sample);
  const int64_t bytes = value_bytes(lookup.feature_format);
  const int64_t pairs = num_pairs(lookup.tables + 1);
  char* output = static_cast<char*>(lookup.output_BW) + sample * lookup.output_width * bytes;
  char* dots = output + lookup.width * bytes;
  if (lookup.feature_format == Format::kFloat) {
    multiply_rows(lookup, scratch.rows(memory), reinterpret_cast<float*>(dots), ahead, row_begin, row_end);
  } else {
    float* triangle = scratch.triangle(memory);
    multiply_rows(lookup, scratch.rows(memory), triangle, ahead, row_begin, row_end);
    const int64_t begin = num_pairs(row_begin), end = num_pairs(row_end);
    round_row(triangle + begin, reinterpret_cast<uint16_t*>(dots) + begin, end - begin);
  }
  if (row_begin == 1) {
    memcpy(output, dense_row(lookup, sample), lookup.width * bytes);
    memset(dots + pairs * bytes, 0, (lookup.output_width - lookup.width - pairs) * bytes);
  }
  return true;
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
