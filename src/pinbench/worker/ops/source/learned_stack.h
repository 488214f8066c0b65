// Linear layers that learn: their weights, what they computed last, and the gradients of it.
#pragma once

#include <ATen/ops/addmm.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include "linear.h"
#include "tables.h"
#include "training.h"

namespace PINBENCH_NAMESPACE {

// The kernels for learning by the name of their instruction set; what the CPU has is for the caller to know.
const TrainingKernels& find_training_kernels(const std::string& isa);

// What multiplies: oneDNN with weights as they lie, oneDNN with weights that are packed anew in each step, which pays for
// many samples, or whatever PyTorch takes where oneDNN's plain products are slow.
enum class Products { kPlain, kPacked, kPytorch };

inline Products products_of(const std::string& name) {
  if (name == "plain") return Products::kPlain;
  if (name == "packed") return Products::kPacked;
  TORCH_CHECK(name == "pytorch", "products are plain, packed or pytorch, not ", name);
  return Products::kPytorch;
}

// How layers compute. bfloat16 without instructions for it is computed in fp32 and rounded: the same numbers, slower.
struct LayerRules {
  at::ScalarType type;    // of weights, inputs and outputs; sums, biases' gradients and what is learned are fp32
  bool has_instructions;  // of oneDNN for the type
  Products products;
};

// Samples whose sums are added up by one thread, whatever the number of threads.
constexpr int64_t kSummedSamples = 64;

// Return the blocks of `samples`.
inline int64_t blocks_of(int64_t samples) { return (samples + kSummedSamples - 1) / kSummedSamples; }

// Add the sums of all blocks to `total`, in their order.
inline void add_blocks(const float* sum_NO, int64_t blocks, int64_t outputs, float* total_O) {
  for (int64_t block = 0; block < blocks; ++block)
    for (int64_t at = 0; at < outputs; ++at) total_O[at] += sum_NO[block * outputs + at];
}

class LearnedLayer {
 public:
  // Weight (O, I) and bias (O,) are fp32 and changed in place.
  LearnedLayer(at::Tensor weight_OI, at::Tensor bias_O, const LayerRules& rules)
      : rules_(rules), weight_OI_(std::move(weight_OI)), bias_O_(std::move(bias_O)) {
    TORCH_CHECK(weight_OI_.is_contiguous() && bias_O_.is_contiguous() && weight_OI_.scalar_type() == at::kFloat &&
                    bias_O_.scalar_type() == at::kFloat && bias_O_.numel() == weight_OI_.size(0),
                "a layer that learns has a contiguous float32 weight, and a bias for each of its outputs");
    bias_gradient_O_ = at::zeros_like(bias_O_);
    refresh();
  }

  int64_t inputs() const { return weight_OI_.size(1); }
  int64_t outputs() const { return weight_OI_.size(0); }
  const at::Tensor& output() const { return output_BO_; }
  float* bias_gradient() { return bias_gradient_O_.mutable_data_ptr<float>(); }

  const at::Tensor& forward(const at::Tensor& x_BI) {
    input_BI_ = x_BI;
    output_BO_ = product(x_BI, forward_weight_, typed_bias_O_, true);
    return output_BO_;
  }

  // Keep the gradient of the weight, and return that of the input where it is wanted.
  at::Tensor backward(const at::Tensor& gradient_BO, bool wants_input) {
    at::Tensor weight_gradient_OI = product(gradient_BO.t(), input_BI_.t(), std::nullopt, false);
    if (!gradient_OI_.defined())
      gradient_OI_ = weight_gradient_OI.to(at::kFloat);
    else
      gradient_OI_.add_(weight_gradient_OI);
    return wants_input ? product(gradient_BO, backward_weight_, std::nullopt, false) : at::Tensor();
  }

  // Append the gradients of weight and bias, as vectors; zeros where nothing was learned.
  void append_gradients(std::vector<at::Tensor>& gradients) const {
    gradients.push_back(gradient_OI_.defined() ? gradient_OI_.flatten() : at::zeros({weight_OI_.numel()}));
    gradients.push_back(bias_gradient_O_);
  }

  // Take others for them from `flat`, from `begin` on, and return where they end.
  int64_t replace_gradients(const at::Tensor& flat, int64_t begin) {
    gradient_OI_ = flat.narrow(0, begin, weight_OI_.numel()).view_as(weight_OI_);
    begin += weight_OI_.numel();
    bias_gradient_O_.copy_(flat.narrow(0, begin, bias_O_.numel()));
    return begin + bias_O_.numel();
  }

  // Add the gradients to weight and bias, and forget them.
  void update() {
    if (!gradient_OI_.defined()) return;
    weight_OI_.add_(gradient_OI_);
    bias_O_.add_(bias_gradient_O_);
    drop();
    refresh();
  }

  // Forget all gradients and what was computed.
  void drop() {
    gradient_OI_.reset();
    bias_gradient_O_.zero_();
    input_BI_.reset();
    output_BO_.reset();
  }

 private:
  at::Tensor product(const at::Tensor& x_BI, const at::Tensor& weight, const std::optional<at::Tensor>& bias_O,
                     bool relu) const {
    if (rules_.type == at::kFloat || rules_.has_instructions) return multiply(x_BI, weight, bias_O, relu);
    std::optional<at::Tensor> bias;
    if (bias_O) bias = bias_O->to(at::kFloat);
    return multiply(x_BI.to(at::kFloat), weight.to(at::kFloat), bias, relu).to(rules_.type);
  }

  at::Tensor multiply(const at::Tensor& x_BI, const at::Tensor& weight, const std::optional<at::Tensor>& bias_O,
                      bool relu) const {
    if (rules_.products != Products::kPytorch) return linear(x_BI, weight, bias_O, relu);
    const at::Tensor y_BO = bias_O ? at::addmm(*bias_O, x_BI, weight.t()) : at::mm(x_BI, weight.t());
    return relu ? at::relu(y_BO) : y_BO;
  }

  // Make what the products read from what is learned.
  void refresh() {
    const at::Tensor typed_OI = weight_OI_.to(rules_.type);  // itself where it is fp32
    typed_bias_O_ = bias_O_.to(rules_.type);
    const bool pack = rules_.products == Products::kPacked && (rules_.type == at::kFloat || rules_.has_instructions);
    forward_weight_ = pack ? packed(typed_OI) : typed_OI;
    backward_weight_ = pack ? packed(typed_OI.t().contiguous()) : typed_OI.t();
  }

  LayerRules rules_;
  at::Tensor weight_OI_, bias_O_, typed_bias_O_, forward_weight_, backward_weight_;
  at::Tensor gradient_OI_, bias_gradient_O_, input_BI_, output_BO_;
};

class LearnedStack {
 public:
  LearnedStack(const TrainingKernels& kernels, const std::vector<at::Tensor>& weights,
               const std::vector<at::Tensor>& biases, const LayerRules& rules)
      : kernels_(kernels) {
    TORCH_CHECK(weights.size() == biases.size(), "each weight has a bias");
    for (size_t layer = 0; layer < weights.size(); ++layer) layers_.emplace_back(weights[layer], biases[layer], rules);
  }

  bool empty() const { return layers_.empty(); }
  LearnedLayer& last() { return layers_.back(); }

  // Return the output of the last layer, behind its ReLU; the input itself without layers.
  at::Tensor forward(at::Tensor x_BI) {
    for (LearnedLayer& layer : layers_) x_BI = layer.forward(x_BI);
    return x_BI;
  }

  // Return the gradient of the input, where it is wanted. `behind_relu`: that of the last output is already what its
  // ReLU lets back, and its sums are among the layer's own.
  at::Tensor backward(at::Tensor gradient_BO, bool behind_relu, bool wants_input) {
    for (size_t layer = layers_.size(); layer-- > 0; behind_relu = false) {
      if (!behind_relu) through_relu(layers_[layer], gradient_BO);
      gradient_BO = layers_[layer].backward(gradient_BO, layer > 0 || wants_input);
    }
    return gradient_BO;
  }

  void append_gradients(std::vector<at::Tensor>& gradients) const {
    for (const LearnedLayer& layer : layers_) layer.append_gradients(gradients);
  }

  int64_t replace_gradients(const at::Tensor& flat, int64_t begin) {
    for (LearnedLayer& layer : layers_) begin = layer.replace_gradients(flat, begin);
    return begin;
  }

  void update() {
    for (LearnedLayer& layer : layers_) layer.update();
  }

  void drop() {
    for (LearnedLayer& layer : layers_) layer.drop();
  }

 private:
  // Change the gradient in place to what the ReLU lets back, and keep its sums for the bias.
  void through_relu(LearnedLayer& layer, const at::Tensor& gradient_BO) {
    const at::Tensor& output_BO = layer.output();
    TORCH_CHECK(gradient_BO.is_contiguous() && output_BO.is_contiguous(), "a layer's output must be contiguous");
    const int64_t samples = gradient_BO.size(0), outputs = gradient_BO.size(1), blocks = blocks_of(samples);
    const ReluBackward back{format_of(gradient_BO), output_BO.const_data_ptr(), gradient_BO.mutable_data_ptr(), outputs,
                            outputs};
    sum_NO_.resize(blocks * outputs);
    at::parallel_for(0, blocks, 1, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block)
        kernels_.relu_backward(back, sum_NO_.data() + block * outputs, block * kSummedSamples,
                               std::min(samples, (block + 1) * kSummedSamples));
    });
    add_blocks(sum_NO_.data(), blocks, outputs, layer.bias_gradient());
  }

  const TrainingKernels& kernels_;
  std::vector<LearnedLayer> layers_;
  std::vector<float> sum_NO_;
};

}  // namespace PINBENCH_NAMESPACE
