// What PyTorch sees: torch.classes.pinbench, by torch.classes.load_library.
#include <torch/library.h>

#include "bag_features.h"
#include "code_chain.h"
#include "code_layers.h"
#include "code_matrix.h"
#include "dlrm_training.h"
#include "float_chain.h"
#include "lookup.h"
#include "layers.h"

namespace PINBENCH_NAMESPACE {

// PINBENCH_ISAS is the list of instruction sets that this build has kernels for: ISA(generic) ISA(avx2) ...
#define ISA(isa)                      \
  extern const Kernels kernels_##isa; \
  extern const CodeKernels code_kernels_##isa; \
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

const CodeKernels& find_code_kernels(const std::string& isa) {
#define ISA(kind) \
  if (isa == code_kernels_##kind.name) return code_kernels_##kind;
  PINBENCH_ISAS
#undef ISA
  TORCH_CHECK(false, "no kernels for ", isa, " in this build");
}

// A class takes methods of its own only, these are their base's.
template <class Kind>
constexpr auto forward_of = [](const c10::intrusive_ptr<Kind>& chain, const at::Tensor& dense_BI, const at::Tensor& id,
                               const std::optional<at::Tensor>& offset_K) {
  return chain->forward(dense_BI, id, offset_K);
};

template <class Kind>
constexpr auto profile_of = [](const c10::intrusive_ptr<Kind>& chain, const at::Tensor& dense_BI, const at::Tensor& id,
                               const std::optional<at::Tensor>& offset_K) {
  return chain->profile(dense_BI, id, offset_K);
};

}  // namespace PINBENCH_NAMESPACE

TORCH_LIBRARY(PINBENCH_NAMESPACE, library) {
  using Tensors = std::vector<at::Tensor>;
  using Name = const std::string&;
  using Packed = const std::optional<at::Tensor>&;
  const std::initializer_list<torch::arg> arguments{torch::arg("dense"), torch::arg("id"),
                                                    torch::arg("offset") = torch::arg::none()};
  library.class_<PINBENCH_NAMESPACE::LookupDots>("LookupDots")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::LookupDots::forward, "", arguments);
  library.class_<PINBENCH_NAMESPACE::BagFeatures>("BagFeatures")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor>())
      .def("forward", &PINBENCH_NAMESPACE::BagFeatures::forward);
  library.class_<PINBENCH_NAMESPACE::DlrmLayers>("DlrmLayers")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, int64_t, int64_t, Tensors, Tensors, Tensors,
                       Tensors, at::Tensor, double, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::DlrmLayers::forward, "", arguments);
  library.class_<PINBENCH_NAMESPACE::DlrmChain>("DlrmChain")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, const Tensors&, const Tensors&, const Tensors&,
                       const Tensors&, at::Tensor, double, int64_t, Packed>())
      .def("packed", &PINBENCH_NAMESPACE::DlrmChain::packed)
      .def("forward", PINBENCH_NAMESPACE::forward_of<PINBENCH_NAMESPACE::DlrmChain>, "", arguments)
      .def("profile", PINBENCH_NAMESPACE::profile_of<PINBENCH_NAMESPACE::DlrmChain>, "", arguments);
  using CodeStack = c10::intrusive_ptr<PINBENCH_NAMESPACE::CodeStack>;
  library.class_<PINBENCH_NAMESPACE::CodeStack>("CodeStack")
      .def(torch::init<Tensors, Tensors, Tensors, std::vector<double>, std::vector<int64_t>>());
  library.class_<PINBENCH_NAMESPACE::LookupCodes>("LookupCodes")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, double, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::LookupCodes::forward);
  library.class_<PINBENCH_NAMESPACE::DlrmCodeLayers>("DlrmCodeLayers")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, int64_t, int64_t, CodeStack, CodeStack,
                       at::Tensor, double, int64_t>())
      .def("forward", &PINBENCH_NAMESPACE::DlrmCodeLayers::forward);
  library.class_<PINBENCH_NAMESPACE::DlrmCodeChain>("DlrmCodeChain")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, const CodeStack&, const CodeStack&, at::Tensor, double,
                       int64_t, Packed>())
      .def("packed", &PINBENCH_NAMESPACE::DlrmCodeChain::packed)
      .def("forward", PINBENCH_NAMESPACE::forward_of<PINBENCH_NAMESPACE::DlrmCodeChain>, "", arguments)
      .def("profile", PINBENCH_NAMESPACE::profile_of<PINBENCH_NAMESPACE::DlrmCodeChain>, "", arguments);
  using Matrix = PINBENCH_NAMESPACE::CodeMatrix;
  library.class_<Matrix>("CodeMatrix")
      .def(torch::init<Name, const at::Tensor&, at::Tensor, at::Tensor, int64_t>())
      .def("forward", &Matrix::forward);
  using Training = PINBENCH_NAMESPACE::DlrmTraining;
  library.class_<Training>("DlrmTraining")
      .def(torch::init<Name, at::Tensor, at::Tensor, at::Tensor, int64_t, const Tensors&, const Tensors&,
                       const Tensors&, const Tensors&, at::Tensor, at::Tensor, bool, bool, Name, int64_t, int64_t>())
      .def("begin", &Training::begin)
      .def("begin_part", &Training::begin_part)
      .def("learn", &Training::learn)
      .def("bottom", &Training::bottom)
      .def("meet", &Training::meet)
      .def("over", &Training::over)
      .def("finish", &Training::finish)
      .def("over_backward", &Training::over_backward)
      .def("meet_backward", &Training::meet_backward)
      .def("bottom_backward", &Training::bottom_backward)
      .def("part_of_loss", &Training::part_of_loss)
      .def("gradients", &Training::gradients)
      .def("replace_gradients", &Training::replace_gradients)
      .def("row_gradients", &Training::row_gradients)
      .def("update_layers", &Training::update_layers)
      .def("update_rows", &Training::update_rows)
      .def("loss", &Training::loss)
      .def("predict", &Training::predict);
  using Rows = PINBENCH_NAMESPACE::DlrmRows;
  library.class_<Rows>("DlrmRows").def(torch::init<Name, at::Tensor>()).def("add", &Rows::add);
}
