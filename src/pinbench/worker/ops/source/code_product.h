// Products of codes for CPUs with AVX2 alone, where one pair of codes and weights costs as much as one of fp32.
//
// vpmaddubsw adds two products in 16 bits; widening each such word to 32 bits costs another multiplication, and then
// int8 is no faster than fp32 (AMD Zen, and Intel before VNNI, have one or two units for it). Here four words are added
// in 16 bits before one is widened: the weights are made for it (onednn/quantized_linear.py, narrow_scale), so that
// this is exact.
#pragma once

#include "code_lanes.h"

namespace PINBENCH_NAMESPACE {
namespace {

#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(PINBENCH_LANES)

constexpr int kProductRows = 4;         // of a tile: eight sums of 16 bits in registers, those of 32 in the L1
constexpr int kProductRegisters = 2;    // of 8 outputs each: a panel
constexpr int64_t kProductBlockRows = 96;  // a panel of weights is read again for so many rows

template <int kRows>
PINBENCH_INLINE void product_tile(const CodeProduct& product, const uint8_t* x, int64_t x_stride, float* y,
                                  int64_t y_stride, int64_t panel) {
  const __m256i one = _mm256_set1_epi16(1);
  const int64_t output = panel * kProductOutputs;
  const int8_t* weights = product.panels + output * product.inputs;
  __m256i sums[kRows][kProductRegisters];
  for (auto& row : sums)
    for (int part = 0; part < kProductRegisters; ++part)
      row[part] = load<__m256i>(product.start + output + 8 * part);
  for (int64_t input = 0; input < product.inputs; input += kCodeBlock) {
    __m256i words[kRows][kProductRegisters];
    for (int group = 0; group < kCodeBlock / kCodeGroup; ++group) {
      const int64_t at = input + group * kCodeGroup;
      for (int part = 0; part < kProductRegisters; ++part) {
        const __m256i weight = load<__m256i>(weights + at * kProductOutputs + 32 * part);
        for (int row = 0; row < kRows; ++row) {
          const __m256i codes = _mm256_set1_epi32(load<int32_t>(x + row * x_stride + at));
          const __m256i pairs = _mm256_maddubs_epi16(codes, weight);
          words[row][part] = group == 0 ? pairs : _mm256_add_epi16(words[row][part], pairs);
        }
      }
    }
    for (int row = 0; row < kRows; ++row)
      for (int part = 0; part < kProductRegisters; ++part)
        sums[row][part] = _mm256_add_epi32(sums[row][part], _mm256_madd_epi16(words[row][part], one));
  }
  for (int row = 0; row < kRows; ++row)
    for (int part = 0; part < kProductRegisters; ++part) {
      const Floats sum = __builtin_convertvector(reinterpret_cast<Ints>(sums[row][part]), Floats);
      const Floats scale = load<Floats>(product.scale + output + 8 * part);
      store(y + row * y_stride + output + 8 * part, sum * scale + load<Floats>(product.bias + output + 8 * part));
    }
}

void code_product(const CodeProduct& product, const uint8_t* x, int64_t x_stride, float* y, int64_t y_stride,
                  int64_t row_begin, int64_t row_end, int64_t panel_begin, int64_t panel_end) {
  for (int64_t block = row_begin; block < row_end; block += kProductBlockRows) {
    const int64_t end = block + kProductBlockRows < row_end ? block + kProductBlockRows : row_end;
    for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
      int64_t row = block;
      for (; row + kProductRows <= end; row += kProductRows)
        product_tile<kProductRows>(product, x + row * x_stride, x_stride, y + row * y_stride, y_stride, panel);
      for (; row < end; ++row)
        product_tile<1>(product, x + row * x_stride, x_stride, y + row * y_stride, y_stride, panel);
    }
  }
}

constexpr auto kCodeProduct = &code_product;

#else

constexpr decltype(CodeKernels::product) kCodeProduct = nullptr;

#endif

}  // namespace
}  // namespace PINBENCH_NAMESPACE
