// The last layer, the loss, and the way back through both.
#pragma once

#include <algorithm>

#include "learned_stack.h"

namespace PINBENCH_NAMESPACE {

class LearnedHead {
 public:
  // Weight (I,) and bias (1,) are fp32 and changed in place. `relu`: whether the input is the output of one.
  LearnedHead(const TrainingKernels& kernels, at::Tensor weight_I, at::Tensor bias, bool relu)
      : kernels_(kernels),
        weight_I_(std::move(weight_I)),
        bias_(std::move(bias)),
        relu_(relu),
        weight_gradient_I_(weight_I_.numel()) {
    TORCH_CHECK(weight_I_.is_contiguous() && weight_I_.scalar_type() == at::kFloat && bias_.numel() == 1 &&
                    bias_.scalar_type() == at::kFloat,
                "the last layer has one output, and float32 weights behind each other");
  }

  int64_t inputs() const { return weight_I_.numel(); }

  // Write the probabilities; with labels, add to the loss and keep the gradients of the logits, times `scale`.
  void forward(const at::Tensor& x_BI, const float* label_B, float scale, float* probability_B) {
    TORCH_CHECK(x_BI.is_contiguous() && x_BI.size(1) == inputs(), "the last layer does not fit the one before it");
    const int64_t samples = x_BI.size(0);
    loss_B_.resize(samples);
    logit_B_.resize(samples);
    back_ = HeadBackward{};
    back_.head = Head{format_of(x_BI), weight_I_.const_data_ptr<float>(), bias_.item<float>(), inputs()};
    back_.input_BI = x_BI.const_data_ptr();
    back_.stride = inputs();
    back_.label_B = label_B;
    back_.scale = scale;
    back_.relu = relu_;
    back_.probability_B = probability_B;
    back_.loss_B = loss_B_.data();
    back_.logit_B = logit_B_.data();
    at::parallel_for(0, blocks_of(samples), 1, [&](int64_t first, int64_t last) {
      kernels_.head_forward(back_, first * kSummedSamples, std::min(samples, last * kSummedSamples));
    });
    if (label_B)
      for (const float loss : loss_B_) loss_ += loss;
  }

  // Return the gradient of what `forward` was given; its sums go to `bias_I`, null: to nobody.
  at::Tensor backward(const at::Tensor& x_BI, float* bias_I) {
    const int64_t samples = x_BI.size(0), blocks = blocks_of(samples);
    at::Tensor gradient_BI = at::empty(x_BI.sizes(), x_BI.options());
    back_.gradient_BI = gradient_BI.mutable_data_ptr();
    bias_NI_.resize(blocks * inputs());
    weight_NI_.resize(blocks * inputs());
    at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block)
        kernels_.head_backward(back_, bias_NI_.data() + block * inputs(), weight_NI_.data() + block * inputs(),
                               block * kSummedSamples, std::min(samples, (block + 1) * kSummedSamples));
    });
    if (bias_I) add_blocks(bias_NI_.data(), blocks, inputs(), bias_I);
    add_blocks(weight_NI_.data(), blocks, inputs(), weight_gradient_I_.data());
    for (const float logit : logit_B_) bias_gradient_ += logit;
    return gradient_BI;
  }

  // Append the gradients of weight and bias, as vectors.
  void append_gradients(std::vector<at::Tensor>& gradients) const {
    at::Tensor gradient = at::empty({inputs() + 1}, at::dtype(at::kFloat));
    float* to = gradient.mutable_data_ptr<float>();
    std::copy(weight_gradient_I_.begin(), weight_gradient_I_.end(), to);
    to[inputs()] = static_cast<float>(bias_gradient_);
    gradients.push_back(gradient);
  }

  // Take others for them from `flat`, from `begin` on, and return where they end.
  int64_t replace_gradients(const at::Tensor& flat, int64_t begin) {
    const float* from = flat.const_data_ptr<float>() + begin;
    std::copy(from, from + inputs(), weight_gradient_I_.begin());
    bias_gradient_ = from[inputs()];
    return begin + inputs() + 1;
  }

  void update() {
    float* weight = weight_I_.mutable_data_ptr<float>();
    for (int64_t at = 0; at < inputs(); ++at) weight[at] += weight_gradient_I_[at];
    *bias_.mutable_data_ptr<float>() += static_cast<float>(bias_gradient_);
    drop();
  }

  void drop() {
    std::fill(weight_gradient_I_.begin(), weight_gradient_I_.end(), 0.0f);
    bias_gradient_ = loss_ = 0.0;
  }

  double loss() const { return loss_; }

 private:
  const TrainingKernels& kernels_;
  at::Tensor weight_I_, bias_;
  bool relu_;
  HeadBackward back_;
  std::vector<float> weight_gradient_I_, loss_B_, logit_B_, bias_NI_, weight_NI_;
  double bias_gradient_ = 0.0, loss_ = 0.0;
};

}  // namespace PINBENCH_NAMESPACE
