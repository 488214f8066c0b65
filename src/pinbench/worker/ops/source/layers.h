// The whole model as oneDNN's packed layers around the lookup, one call from Python for all of them.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>

#include "head_layer.h"
#include "linear.h"
#include "lookup.h"

namespace PINBENCH_NAMESPACE {

class DlrmLayers : public torch::CustomClassHolder {
 public:
  // Weights are packed; those of the first layer of each stack are as wide as what they are given: `inputs` padded to
  // `padded_inputs`, and the features padded to `features_width`. Batches are worked through `chunk` samples at a time.
  DlrmLayers(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t inputs,
             int64_t padded_inputs, int64_t features_width, std::vector<at::Tensor> bottom_weight,
             std::vector<at::Tensor> bottom_bias, std::vector<at::Tensor> over_weight,
             std::vector<at::Tensor> over_bias, at::Tensor head_weight, double head_bias, int64_t chunk)
      : kernels_(find_kernels(isa)),
        lookup_dots_(isa, tables_RD, std::move(first_row_F), std::move(rows_F), features_width),
        inputs_(inputs),
        chunk_(chunk),
        bottom_weight_(std::move(bottom_weight)),
        bottom_bias_(std::move(bottom_bias)),
        over_weight_(std::move(over_weight)),
        over_bias_(std::move(over_bias)),
        head_(kernels_, std::move(head_weight), head_bias),
        dense_BI_(at::empty({chunk, padded_inputs}, at::dtype(tables_RD.scalar_type()))),
        features_BW_(at::empty({chunk, features_width}, at::dtype(tables_RD.scalar_type()))) {}

  // Return the click probability, shape (B,).
  at::Tensor forward(const at::Tensor& dense_BI, const at::Tensor& id, const std::optional<at::Tensor>& offset_K) {
    const at::AutoDispatchBelowAutograd inference;
    check_dense(dense_BI, inputs_);
    const Ids ids{id, offset_K};
    check_samples(ids, dense_BI.size(0), lookup_dots_.tables());
    at::Tensor probability_B = at::empty({dense_BI.size(0)}, at::dtype(at::kFloat));
    for (int64_t begin = 0; begin < dense_BI.size(0); begin += chunk_) {
      const int64_t samples = std::min(chunk_, dense_BI.size(0) - begin);
      compute(dense_BI.narrow(0, begin, samples), ids.part(begin, samples, lookup_dots_.tables()),
              probability_B.mutable_data_ptr<float>() + begin);
    }
    return probability_B;
  }

 private:
  void compute(const at::Tensor& dense_BI, const Ids& ids, float* probability_B) {
    const int64_t samples = dense_BI.size(0);
    at::Tensor x = dense_BI_.narrow(0, 0, samples);
    kernels_.pad(format_of(x), dense_BI.const_data_ptr<float>(), dense_BI.stride(0), inputs_, x.mutable_data_ptr(),
                 x.size(1), 0, samples);
    for (size_t layer = 0; layer < bottom_weight_.size(); ++layer)
      x = linear(x, bottom_weight_[layer], bottom_bias_[layer], true);
    const at::Tensor features_BW = features_BW_.narrow(0, 0, samples);
    lookup_dots_.write(x, ids, features_BW);
    x = features_BW;
    for (size_t layer = 0; layer < over_weight_.size(); ++layer)
      x = linear(x, over_weight_[layer], over_bias_[layer], true);
    head_.forward(x, probability_B);
  }

  const Kernels& kernels_;
  LookupDots lookup_dots_;
  int64_t inputs_, chunk_;
  std::vector<at::Tensor> bottom_weight_, bottom_bias_, over_weight_, over_bias_;
  HeadLayer head_;
  at::Tensor dense_BI_, features_BW_;
};

}  // namespace PINBENCH_NAMESPACE
