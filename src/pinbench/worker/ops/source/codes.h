// What each instruction set offers for int8: codes of 8 bits times weights of 8 bits, added up in 32. As in kernels.h,
// plain pointers and numbers.
#pragma once

#include "kernels.h"

namespace PINBENCH_NAMESPACE {

constexpr int64_t kCodeGroup = 4;  // inputs that lie side by side in a panel: one lane of a sum takes four at once

// How values become codes: clamp(round(x * inverse) + zero), to 0..255.
struct Codes {
  float inverse;  // of the scale
  float zero;     // the code of 0.0, a whole number
};

// What a layer of codes writes.
enum class CodeOutput : int { kCodes, kBfloat16, kFloat };

// A layer for a few samples: activation((x - zero) @ weight.T * scale + bias), its weights in panels as in Layer.
struct CodeLayer {
  const void* panels;    // panel, then group of inputs, then output, then input
  const int32_t* start;  // of each sum: -zero * (sum of the weights), so that the codes can be multiplied as they are
  const float* scale;    // of each sum: that of the input times that of the output's weights
  const float* bias;     // padded to whole panels, as the other two are
  int64_t inputs;        // padded to whole groups
  bool relu;
  bool narrow;  // no weight above 63: 2 * 255 * 63 fits 16 bits, in which CPUs without VNNI add up pairs
  CodeOutput output;
  Codes codes;  // of the output
};

// A product of many rows: (x - zero) @ weight.T * scale + bias, fp32. The weights are such that eight products of codes
// and weights, those of kCodeBlock inputs that one word of 16 bits adds up, never leave 16 bits.
constexpr int64_t kCodeBlock = 16;     // inputs between two steps from 16 to 32 bits
constexpr int64_t kProductOutputs = 16;  // of a panel
struct CodeProduct {
  const int8_t* panels;  // panel, then group of kCodeGroup inputs, then output, then input
  const int32_t* start;  // of each sum, as in CodeLayer; this and the next two padded to whole panels
  const float* scale;
  const float* bias;
  int64_t inputs;  // padded to whole blocks
};

struct CodeKernels {
  const char* name;
  // Bytes of working memory that one thread needs in lookup_codes.
  int64_t (*scratch_bytes)(const Lookup&);
  // As Kernels::lookup_dots, but what `lookup` says of its output, dense feature and dots in the type of the tables,
  // becomes codes, rows of `width` bytes, zeros behind them.
  bool (*lookup_codes)(const Lookup& lookup, const Codes& codes, uint8_t* code_BW, int64_t width, void* scratch,
                       int64_t sample, int64_t ahead, int64_t row_begin, int64_t row_end);
  // Compute panels [panel_begin, panel_end) of a layer for all samples; strides in bytes.
  void (*layer)(const CodeLayer&, const void* x, int64_t x_bytes, void* y, int64_t y_bytes, int64_t samples,
                int64_t panel_begin, int64_t panel_end);
  // Turn fp32 values into rows of codes, padded with zeros to `width`.
  void (*encode)(const Codes&, const float* x, int64_t x_stride, int64_t inputs, uint8_t* code, int64_t width,
                 int64_t begin, int64_t end);
  // Compute panels [panel_begin, panel_end) of a product for rows [row_begin, row_end); strides in values. Null where
  // the CPU has an instruction that adds up in 32 bits at once, and oneDNN is faster.
  void (*product)(const CodeProduct&, const uint8_t* x, int64_t x_stride, float* y, int64_t y_stride,
                  int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end);
};

}  // namespace PINBENCH_NAMESPACE
