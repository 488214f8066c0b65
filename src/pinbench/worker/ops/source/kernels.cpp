// All kernels for one instruction set: compiled once for each, with that set's options and its name in PINBENCH_ISA.
#include "kernels.h"
#include "code_layer.h"
#include "code_product.h"
#include "layer.h"
#include "layer_backward.h"
#include "lookup_dots.h"
#include "pool.h"
#include "row_update.h"
#include "training.h"

#define PINBENCH_TEXT(name) #name
#define PINBENCH_NAME(name) PINBENCH_TEXT(name)
#define PINBENCH_JOIN(prefix, name) prefix##name
#define PINBENCH_TABLE(name) PINBENCH_JOIN(kernels_, name)
#define PINBENCH_TRAINING(name) PINBENCH_JOIN(training_kernels_, name)
#define PINBENCH_CODES(name) PINBENCH_JOIN(code_kernels_, name)

namespace PINBENCH_NAMESPACE {

extern const Kernels PINBENCH_TABLE(PINBENCH_ISA);
const Kernels PINBENCH_TABLE(PINBENCH_ISA) = {
    PINBENCH_NAME(PINBENCH_ISA), kPanelOutputs, scratch_bytes, lookup_dots, pool, fetch, layer, head, pad,
};

extern const TrainingKernels PINBENCH_TRAINING(PINBENCH_ISA);
const TrainingKernels PINBENCH_TRAINING(PINBENCH_ISA) = {
    PINBENCH_NAME(PINBENCH_ISA), back_scratch_bytes, dots_backward, relu_backward, head_forward, head_backward,
    update_rows,
};

extern const CodeKernels PINBENCH_CODES(PINBENCH_ISA);
const CodeKernels PINBENCH_CODES(PINBENCH_ISA) = {
    PINBENCH_NAME(PINBENCH_ISA), code_scratch_bytes, lookup_codes, code_layer, encode,
    kCodeProduct,
};

}  // namespace PINBENCH_NAMESPACE
