// All kernels for one instruction set: compiled once for each, with that set's options and its name in PINBENCH_ISA.
#include "kernels.h"
#include "layer.h"
#include "lookup_dots.h"

#define PINBENCH_TEXT(name) #name
#define PINBENCH_NAME(name) PINBENCH_TEXT(name)
#define PINBENCH_JOIN(prefix, name) prefix##name
#define PINBENCH_TABLE(name) PINBENCH_JOIN(kernels_, name)

namespace PINBENCH_NAMESPACE {

extern const Kernels PINBENCH_TABLE(PINBENCH_ISA);
const Kernels PINBENCH_TABLE(PINBENCH_ISA) = {
    PINBENCH_NAME(PINBENCH_ISA), kPanelOutputs, scratch_bytes, lookup_dots, fetch, layer, head, pad,
};

}  // namespace PINBENCH_NAMESPACE
