// What PyTorch sees: torch.classes.pinbench, by torch.classes.load_library.
#include <torch/library.h>

#include "chain.h"
#include "features.h"
#include "layers.h"

namespace pinbench {

// PINBENCH_ISAS is the list of instruction sets that this build has kernels for: ISA(generic) ISA(avx2) ...
#define ISA(isa) extern const Kernels kernels_##isa;
PINBENCH_ISAS
#undef ISA

const Kernels& find_kernels(const std::string& isa) {
#define ISA(kind) \
  if (isa == kernels_##kind.name) return kernels_##kind;
  PINBENCH_ISAS
#undef ISA
  TORCH_CHECK(false, "no kernels for ", isa, " in this build");
}

}  // namespace pinbench

TORCH_LIBRARY(PINBENCH_NAMESPACE, library) {
  using Tensors = std::vector<at::Tensor>;
  using Name = const std::string&;
  library.class_<pinbench::LookupDots>("LookupDots")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t>())
      .def("forward", &pinbench::LookupDots::forward);
  library.class_<pinbench::DlrmLayers>("DlrmLayers")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, int64_t, int64_t, Tensors, Tensors, Tensors,
                       Tensors, at::Tensor, double, int64_t>())
      .def("forward", &pinbench::DlrmLayers::forward);
  library.class_<pinbench::DlrmChain>("DlrmChain")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, const Tensors&, const Tensors&, const Tensors&,
                       const Tensors&, at::Tensor, double, int64_t>())
      .def("forward", &pinbench::DlrmChain::forward);
}
