// Registers as values: as many fp32 lanes as the instruction set of this translation unit has.
//
// GCC's and Clang's vector extensions give the same code on every architecture (GCC manual, "Vector Instructions"),
// NEON and SSE2 at the least. PINBENCH_LANES overrides the number, and PINBENCH_PAIRS asks for products of bfloat16
// pairs in plain arithmetic: so a host without AVX-512 can test what one with it runs.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512BF16__)
#define PINBENCH_PAIRS 1
#endif

namespace PINBENCH_NAMESPACE {
namespace {

#if defined(PINBENCH_LANES)
constexpr int kLanes = PINBENCH_LANES;
#elif defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

// AVX-512 and AArch64 have 32 vector registers, x86-64 before has 16.
#if defined(__AVX512F__) || defined(__aarch64__) || defined(PINBENCH_LANES)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

#define PINBENCH_INLINE inline __attribute__((always_inline))

typedef float Floats __attribute__((vector_size(kLanes * 4)));
typedef uint32_t Words __attribute__((vector_size(kLanes * 4)));
typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));  // bfloat16
typedef float Quad __attribute__((vector_size(16)));

template <class Vector>
PINBENCH_INLINE Vector load(const void* from) {
  Vector vector;
  memcpy(&vector, from, sizeof vector);
  return vector;
}

template <class Vector>
PINBENCH_INLINE void store(void* to, const Vector& vector) {
  memcpy(to, &vector, sizeof vector);
}

PINBENCH_INLINE Floats splat(float value) { return value - Floats{}; }

PINBENCH_INLINE float widen(uint16_t half) {
  const uint32_t word = static_cast<uint32_t>(half) << 16;
  float value;
  memcpy(&value, &word, sizeof value);
  return value;
}

PINBENCH_INLINE Floats widen(Halves halves) {
  return reinterpret_cast<Floats>(__builtin_convertvector(halves, Words) << 16);
}

// To nearest, ties to even. A NaN stays one, whatever its payload: the check of a run must see it.
PINBENCH_INLINE uint16_t round_half(float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof word);
  if ((word & 0x7FFFFFFF) > 0x7F800000) return 0x7FC0;
  return static_cast<uint16_t>((word + 0x7FFF + ((word >> 16) & 1)) >> 16);
}

PINBENCH_INLINE Halves round_halves(Floats values) {
  const Words words = reinterpret_cast<Words>(values);
  const Words rounded = (words + 0x7FFF + ((words >> 16) & 1)) >> 16;
  const Words nan = Words{} + 0x7FC0;
  return __builtin_convertvector((words & 0x7FFFFFFF) > 0x7F800000 ? nan : rounded, Halves);
}

PINBENCH_INLINE Quad quad_of(Floats values) {
  Quad parts[kLanes / 4];
  memcpy(parts, &values, sizeof parts);
  Quad sum = parts[0];
  for (int part = 1; part < kLanes / 4; ++part) sum += parts[part];
  return sum;
}

// The sums of four registers, in order.
PINBENCH_INLINE Quad sums_of(Floats a, Floats b, Floats c, Floats d) {
  const Quad p = quad_of(a), q = quad_of(b), r = quad_of(c), s = quad_of(d);
#if defined(__x86_64__)
  const Quad pq = _mm_add_ps(_mm_unpacklo_ps(p, q), _mm_unpackhi_ps(p, q));  // p0+p2 q0+q2 p1+p3 q1+q3
  const Quad rs = _mm_add_ps(_mm_unpacklo_ps(r, s), _mm_unpackhi_ps(r, s));
  return _mm_add_ps(_mm_movelh_ps(pq, rs), _mm_movehl_ps(rs, pq));
#elif defined(__aarch64__)
  return vpaddq_f32(vpaddq_f32(p, q), vpaddq_f32(r, s));
#else
  return Quad{p[0] + p[1] + p[2] + p[3], q[0] + q[1] + q[2] + q[3], r[0] + r[1] + r[2] + r[3],
              s[0] + s[1] + s[2] + s[3]};
#endif
}

#if defined(PINBENCH_PAIRS)
// A register of bfloat16 pairs: one pair a lane.
PINBENCH_INLINE Floats add_pair_products(Floats sum, Words a, Words b) {
#if defined(__AVX512BF16__)
  return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#else
  const Words upper = Words{} + 0xFFFF0000u;
  sum += reinterpret_cast<Floats>(a << 16) * reinterpret_cast<Floats>(b << 16);
  return sum + reinterpret_cast<Floats>(a & upper) * reinterpret_cast<Floats>(b & upper);
#endif
}
#endif

}  // namespace
}  // namespace PINBENCH_NAMESPACE
