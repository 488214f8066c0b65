// What PyTorch sees: torch.classes.pinbench, by torch.classes.load_library.
#include <torch/library.h>

#include "chain.h"
#include "dlrm_training.h"
#include "lookup.h"
#include "layers.h"

namespace PINBENCH_NAMESPACE {

// PINBENCH_ISAS is the list of instruction sets that this build has kernels for: ISA(generic) ISA(avx2) ...
#define ISA(isa)                       \
  extern const Kernels kernels_##isa; \
  extern const TrainingKernels training_kernels_##isa;
PINBENCH_ISAS
#undef ISA

const Kernels& find_kernels(const std::string& isa) {
#define ISA(kind) \
  if (isa == kernels_##kind.name) return kernels_##kind;
  PINBENCH_ISAS
#undef ISA
  TORCH_CHECK(false, "no kernels for ", isa, " in this build");
}

const TrainingKernels& find_training_kernels(const std::string& isa) {
#define ISA(kind) \
  if (isa == training_kernels_##kind.name) return training_kernels_##kind;
  PINBENCH_ISAS
#undef ISA
  TORCH_CHECK(false, "no kernels for ", isa, " in this build");
}

}  // namespace PINBENCH_NAMESPACE

TORCH_LIBRARY(PINBENCH_NAMESPACE, library) {
  using Tensors = std::vector<at::Tensor>;
  using Name = const std::string&;
  library.class_<PINBENCH_NAMESPACE::LookupDots>("LookupDots")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::LookupDots::forward);
  library.class_<PINBENCH_NAMESPACE::DlrmLayers>("DlrmLayers")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, int64_t, int64_t, Tensors, Tensors, Tensors,
                       Tensors, at::Tensor, double, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::DlrmLayers::forward);
  library.class_<PINBENCH_NAMESPACE::DlrmChain>("DlrmChain")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, const Tensors&, const Tensors&, const Tensors&,
                       const Tensors&, at::Tensor, double, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::DlrmChain::forward);
  using Training = PINBENCH_NAMESPACE::DlrmTraining;
  library.class_<Training>("DlrmTraining")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, const Tensors&, const Tensors&,
                       const Tensors&, const Tensors&, at::Tensor, at::Tensor, bool, bool, Name, int64_t, int64_t>())
      .def("begin", &Training::begin)
      .def("learn", &Training::learn)
      .def("bottom", &Training::bottom)
      .def("meet", &Training::meet)
      .def("over", &Training::over)
      .def("finish", &Training::finish)
      .def("over_backward", &Training::over_backward)
      .def("meet_backward", &Training::meet_backward)
      .def("bottom_backward", &Training::bottom_backward)
      .def("update_layers", &Training::update_layers)
      .def("update_rows", &Training::update_rows)
      .def("loss", &Training::loss)
      .def("predict", &Training::predict);
}
