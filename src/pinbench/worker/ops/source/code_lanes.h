// Codes in registers: rounding, clamping, and sums of products of codes and weights.
//
// The products are exact in every branch: sums are whole numbers and the same on all CPUs. Where the instruction set
// has none that takes four products at once, even and odd inputs are widened to 16 bits and added in pairs.
#pragma once

#include "codes.h"
#include "lanes.h"

namespace PINBENCH_NAMESPACE {
namespace {

typedef int32_t Ints __attribute__((vector_size(kLanes * 4)));
typedef int16_t WeightPairs __attribute__((vector_size(kLanes * 4)));
typedef uint16_t CodePairs __attribute__((vector_size(kLanes * 4)));
typedef uint8_t Bytes __attribute__((vector_size(kLanes)));

constexpr float kLargestCode = 255.0f;
// 1.5 * 2**23: adding it leaves no bits behind the point, rounded to nearest, ties to even, and the whole number in
// the lowest bits; for numbers up to 2**22.
constexpr float kRounder = 12582912.0f;

PINBENCH_INLINE Floats clamped(Floats values, float low, float high) {
  values = values < low ? splat(low) : values;
  return values > high ? splat(high) : values;
}

// A product that no sum behind it is contracted with: oneDNN rounds it by itself, and so codes half way between two are
// the same here and there.
PINBENCH_INLINE Floats rounded_product(Floats a, Floats b) {
  Floats product = a * b;
#if defined(PINBENCH_LANES)
  asm("" : "+m"(product));  // more lanes than a register of this CPU has
#elif defined(__x86_64__)
  asm("" : "+v"(product));
#elif defined(__aarch64__)
  asm("" : "+w"(product));
#endif
  return product;
}

// The codes of whole numbers from 0 to 255.
PINBENCH_INLINE Bytes narrow_codes(Floats values) {
  return __builtin_convertvector(reinterpret_cast<Words>(values + kRounder) & 0xFF, Bytes);
}

// clamp(round(x * inverse) + zero): rounded first, as the precision says what a code is.
PINBENCH_INLINE Bytes encode_values(Floats values, const Codes& codes) {
  const Floats rounded = (clamped(values * codes.inverse, -1024.0f, 1024.0f) + kRounder) - kRounder;
  return narrow_codes(clamped(rounded + codes.zero, 0.0f, kLargestCode));
}

// round(clamp(x * inverse + zero)): rounded last, as oneDNN does behind a product.
PINBENCH_INLINE Bytes requantize(Floats values, const Codes& codes) {
  return narrow_codes(clamped(rounded_product(values, splat(codes.inverse)) + codes.zero, 0.0f, kLargestCode));
}

// The sums of neighbouring products of 16 bits, in 32.
PINBENCH_INLINE Ints pair_products(WeightPairs a, WeightPairs b) {
#if defined(PINBENCH_LANES)
  const Ints products = reinterpret_cast<Ints>(a * b);  // 255 * 127 fits
  return ((products << 16) >> 16) + (products >> 16);
#elif defined(__AVX512BW__)
  return reinterpret_cast<Ints>(_mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Ints>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif defined(__x86_64__)
  return reinterpret_cast<Ints>(_mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
  const Ints products = reinterpret_cast<Ints>(a * b);
  return ((products << 16) >> 16) + (products >> 16);
#endif
}

// Add to each lane the four products of its codes and weights.
template <bool kNarrow>
PINBENCH_INLINE Ints add_products(Ints sum, Words codes, Words weights) {
#if defined(__AVX512VNNI__) && !defined(PINBENCH_LANES)
  return reinterpret_cast<Ints>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(codes),
                                                    reinterpret_cast<__m512i>(weights)));
#else
#if defined(__AVX512BW__) && !defined(PINBENCH_LANES)
  if constexpr (kNarrow) {
    const auto pairs = _mm512_maddubs_epi16(reinterpret_cast<__m512i>(codes), reinterpret_cast<__m512i>(weights));
    return sum + pair_products(reinterpret_cast<WeightPairs>(pairs), WeightPairs{} + 1);
  }
#elif defined(__AVX2__) && !defined(PINBENCH_LANES)
  if constexpr (kNarrow) {
    const auto pairs = _mm256_maddubs_epi16(reinterpret_cast<__m256i>(codes), reinterpret_cast<__m256i>(weights));
    return sum + pair_products(reinterpret_cast<WeightPairs>(pairs), WeightPairs{} + 1);
  }
#endif
  const WeightPairs weight_pairs = reinterpret_cast<WeightPairs>(weights);
  const CodePairs code_pairs = reinterpret_cast<CodePairs>(codes);
  sum += pair_products(reinterpret_cast<WeightPairs>(code_pairs & 0xFF), (weight_pairs << 8) >> 8);
  return sum + pair_products(reinterpret_cast<WeightPairs>(code_pairs >> 8), weight_pairs >> 8);
#endif
}

}  // namespace
}  // namespace PINBENCH_NAMESPACE
