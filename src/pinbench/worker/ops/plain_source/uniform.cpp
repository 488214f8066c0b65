// Rows of numbers uniform in [-minus, minus), bit by bit those of numpy's Generator.random(dtype=float32) on PCG64DXSM,
// scaled and shifted: several times as fast, and in a thread of any kind.
//
// The generator: numpy/random/src/pcg64/pcg64.h, "cheap multiplier" variant: O'Neill, PCG, tech. report HMC-CS-2014-0905,
// with the output function DXSM. Jumps: Brown, Random number generation with arbitrary strides, 1994.
#include <stddef.h>
#include <stdint.h>
#include <string.h>

namespace {

using Wide = unsigned __int128;

constexpr uint64_t kMultiplier = 0xda942042e4dd58b5;
constexpr int kStreams = 4;       // whose multiplications do not wait for each other
constexpr size_t kDraws = 64;     // of each, before they become numbers: in the first cache
constexpr float kUnit = 0x1p-24f;  // of 24 bits, what a float32 in [0, 1) is made from

uint64_t output(Wide state) {
  uint64_t high = static_cast<uint64_t>(state >> 64);
  const uint64_t low = static_cast<uint64_t>(state) | 1;
  high ^= high >> 32;
  high *= kMultiplier;
  high ^= high >> 48;
  return high * low;
}

Wide jumped(Wide state, Wide increment, uint64_t steps) {
  Wide factor = 1, sum = 0, step_factor = kMultiplier, step_sum = increment;
  for (; steps != 0; steps >>= 1) {
    if (steps & 1) {
      factor *= step_factor;
      sum = sum * step_factor + step_sum;
    }
    step_sum = (step_factor + 1) * step_sum;
    step_factor *= step_factor;
  }
  return factor * state + sum;
}

void write(float value, float* to) { *to = value; }

// To nearest, ties to even; values are finite.
void write(float value, uint16_t* to) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  *to = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// Two numbers a draw, the low half first.
template <class Value>
void numbers(const uint64_t* raw, size_t draws, float scale, float minus, Value* to) {
  for (size_t at = 0; at < draws; ++at) {
    const int32_t low = static_cast<int32_t>(static_cast<uint32_t>(raw[at]) >> 8);
    const int32_t high = static_cast<int32_t>(static_cast<uint32_t>(raw[at] >> 32) >> 8);
    write(static_cast<float>(low) * kUnit * scale - minus, to + 2 * at);
    write(static_cast<float>(high) * kUnit * scale - minus, to + 2 * at + 1);
  }
}

template <class Value>
void fill(const uint64_t* words, uint64_t first, size_t draws, float scale, float minus, Value* to) {
  const Wide increment = Wide{words[2]} << 64 | words[3];
  const size_t part = draws / kStreams;
  Wide state[kStreams];
  state[0] = jumped(Wide{words[0]} << 64 | words[1], increment, first);
  for (int stream = 1; stream < kStreams; ++stream) state[stream] = jumped(state[stream - 1], increment, part);
  uint64_t raw[kStreams][kDraws];
  for (size_t begin = 0; begin < part; begin += kDraws) {
    const size_t count = part - begin < kDraws ? part - begin : kDraws;
    for (size_t at = 0; at < count; ++at)
      for (int stream = 0; stream < kStreams; ++stream) {
        raw[stream][at] = output(state[stream]);
        state[stream] = state[stream] * kMultiplier + increment;
      }
    for (int stream = 0; stream < kStreams; ++stream)
      numbers(raw[stream], count, scale, minus, to + 2 * (stream * part + begin));
  }
  for (size_t at = kStreams * part; at < draws; ++at) {  // the last stream stands at what is left
    raw[0][0] = output(state[kStreams - 1]);
    state[kStreams - 1] = state[kStreams - 1] * kMultiplier + increment;
    numbers(raw[0], 1, scale, minus, to + 2 * at);
  }
}

}  // namespace

// `words`: the generator's state and increment, the high half of each first; `first`: draws to leave out before.
extern "C" void pinbench_uniform_float(const uint64_t* words, uint64_t first, size_t draws, float scale, float minus,
                                       float* to) {
  fill(words, first, draws, scale, minus, to);
}

// The same as the bits of bfloat16.
extern "C" void pinbench_uniform_bfloat16(const uint64_t* words, uint64_t first, size_t draws, float scale, float minus,
                                          uint16_t* to) {
  fill(words, first, draws, scale, minus, to);
}
