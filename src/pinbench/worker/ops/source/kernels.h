// What each instruction set's translation unit offers: plain pointers and numbers, no library type, so that nothing
// that one unit compiles for a newer CPU can be linked in place of what the others need.
#pragma once

#include <stdint.h>

namespace PINBENCH_NAMESPACE {

// PINBENCH_NAMESPACE, from the command line, keeps two builds in one process apart, as the tests have them.
enum class Format : int { kFloat, kBfloat16 };

// The gather and the pairwise dots of a batch. F tables, D values a row, features G = F + 1 with the dense one first.
struct Lookup {
  Format format;            // of the tables
  Format feature_format;    // of the dense feature and the output: that of the tables, or bfloat16
  const void* tables_RD;    // all tables behind each other
  int64_t row_stride;       // from row to row, in values
  const int64_t* first_row_F;
  const int64_t* rows_F;    // an id must be below the rows of its table
  int64_t tables;           // F
  int64_t width;            // D
  const int64_t* id_BF;     // with any strides, in elements; of bags: rows of the block, bag behind bag
  int64_t id_stride_B;
  int64_t id_stride_F;
  const void* dense_BD;
  int64_t dense_stride;
  void* output_BW;          // [dense | strict lower triangle of the dots, row by row | zeros up to W]
  int64_t output_width;     // W >= D + G * (G - 1) / 2
  const int64_t* offset_K;  // of bags: where each begins in the ids, a sample's one after the other, and the last end;
                            // null: one id a table
  int64_t ids;              // of all bags
  float* sum_KD;            // of bags: the sum of each bag's rows
};

// A layer for a few samples: activation(x @ weight.T + bias), its weights in panels (see Kernels::panel_outputs).
struct Layer {
  Format format;       // of weights, input and output
  const void* panels;  // panel, then input, then output; bfloat16: inputs in pairs, the pair innermost
  const float* bias;   // padded with zeros to whole panels
  int64_t inputs;      // bfloat16: padded to an even number
  bool relu;
};

// The last layer: one output a sample, then the sigmoid.
struct Head {
  Format input;
  const float* weight;
  float bias;
  int64_t inputs;
};

struct Kernels {
  const char* name;
  int64_t panel_outputs;  // outputs a panel: two registers' worth
  // Bytes of working memory that one thread needs in lookup_dots.
  int64_t (*scratch_bytes)(const Lookup&);
  // Compute rows [row_begin, row_end) of the triangle of one sample, and with row 1 all else of its output. Rows of
  // the sample `ahead` are fetched into the cache meanwhile; -1: of none. Returns false when an id is out of range;
  // nothing is read then.
  bool (*lookup_dots)(const Lookup&, void* scratch, int64_t sample, int64_t ahead, int64_t row_begin, int64_t row_end);
  // Add up the rows of bags [begin, end), for lookup_dots to find; of a whole batch, bag k is table k % F of sample
  // k / F. Returns false when an offset or a row is out of range; nothing is read there.
  bool (*pool)(const Lookup&, int64_t begin, int64_t end);
  // Fetch the rows of a sample into the cache; of bags nothing: they are more than it holds.
  void (*fetch)(const Lookup&, int64_t sample);
  // Compute panels [panel_begin, panel_end) of a layer for all samples; strides in elements.
  void (*layer)(const Layer&, const void* x, int64_t x_stride, void* y, int64_t y_stride, int64_t samples,
                int64_t panel_begin, int64_t panel_end);
  void (*head)(const Head&, const void* x, int64_t x_stride, float* probability_B, int64_t begin, int64_t end);
  // Copy fp32 values into rows of the format, padded with zeros to `width`.
  void (*pad)(Format, const float* x, int64_t x_stride, int64_t inputs, void* y, int64_t width, int64_t begin,
              int64_t end);
};

}  // namespace PINBENCH_NAMESPACE
