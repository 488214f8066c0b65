// One step of learning: forward and backward chunk by chunk, then one update of layers and rows.
#pragma once

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include "learned_head.h"
#include "learned_rows.h"
#include "learned_stack.h"
#include "lookup.h"

namespace PINBENCH_NAMESPACE {

// A step is begin, learn for each micro-batch, update_layers and update_rows. What `learn` does with a chunk of samples
// can be called part by part, in the order in which the parts stand here: so each can be timed by itself.
class DlrmTraining : public torch::CustomClassHolder {
 public:
  using Tensors = std::vector<at::Tensor>;

  // Weights and biases are fp32 and changed in place, and so are the tables: fp32, or the upper halves of split rows
  // (row_update.h). Weights of the first layer of each stack are as wide as the padded inputs and features, and so is
  // the head's where there is no other behind the features. In bfloat16 (`halves`) all between is of that type.
  DlrmTraining(const std::string& isa, at::Tensor tables_RD, at::Tensor first_row_F, at::Tensor rows_F, int64_t inputs,
               const Tensors& bottom_weight, const Tensors& bottom_bias, const Tensors& over_weight,
               const Tensors& over_bias, at::Tensor head_weight, at::Tensor head_bias, bool halves,
               bool has_instructions, const std::string& products, int64_t most_samples, int64_t chunk)
      : kernels_(find_training_kernels(isa)),
        rules_{halves ? at::kBFloat16 : at::kFloat, has_instructions, products_of(products)},
        inputs_(inputs),
        chunk_(chunk),
        tables_(tables_RD, first_row_F, rows_F),
        bottom_(kernels_, bottom_weight, bottom_bias, rules_),
        over_(kernels_, over_weight, over_bias, rules_),
        head_(kernels_, std::move(head_weight), std::move(head_bias), !over_weight.empty()),
        features_width_(over_weight.empty() ? head_.inputs() : over_weight[0].size(1)),
        lookup_dots_(isa, tables_RD, first_row_F, rows_F, features_width_, rules_.type),
        rows_(kernels_, tables_RD, tables_.count(), rules_.type, most_samples),
        dense_BI_(at::zeros({chunk, bottom_weight.at(0).size(1)}, at::dtype(rules_.type))),
        features_BW_(at::empty({chunk, features_width_}, at::dtype(rules_.type))),
        dense_gradient_BD_(at::empty({chunk, tables_.width()}, at::dtype(rules_.type))) {}

  // Begin a step of `samples` in all its micro-batches.
  void begin(int64_t samples, double learning_rate) {
    TORCH_CHECK(samples > 0, "a step needs samples");
    begin_part(samples, samples, learning_rate);
  }

  // Begin the part of a step that one of several ranks makes: `samples`, which may be none, of `all` in the whole step.
  void begin_part(int64_t samples, int64_t all, double learning_rate) {
    drop();
    rows_.provide(samples);
    samples_ = samples;
    all_ = all;
    scale_ = static_cast<float>(-learning_rate / static_cast<double>(all));
  }

  // Add the gradients of a micro-batch.
  void learn(const at::Tensor& dense_BI, const at::Tensor& id_BF, const at::Tensor& label_B) {
    for (int64_t begin = 0; begin < dense_BI.size(0); begin += chunk_) {
      const int64_t samples = std::min(chunk_, dense_BI.size(0) - begin);
      bottom(dense_BI.narrow(0, begin, samples));
      meet(id_BF.narrow(0, begin, samples));
      over();
      finish(label_B.narrow(0, begin, samples));
      over_backward();
      meet_backward(id_BF.narrow(0, begin, samples));
      bottom_backward();
    }
  }

  void bottom(const at::Tensor& dense_BI) {
    const at::AutoDispatchBelowAutograd no_gradients;
    TORCH_CHECK(dense_BI.dim() == 2 && dense_BI.size(1) == inputs_ && dense_BI.size(0) <= chunk_ &&
                    dense_BI.scalar_type() == at::kFloat,
                "expected ", inputs_, " float32 values a sample and at most ", chunk_, " samples, got ",
                dense_BI.scalar_type(), " of shape ", dense_BI.sizes());
    const at::Tensor x_BI = dense_BI_.narrow(0, 0, dense_BI.size(0));
    x_BI.narrow(1, 0, inputs_).copy_(dense_BI);
    dense_BD_ = bottom_.forward(x_BI);
  }

  void meet(const at::Tensor& id_BF) {
    const at::AutoDispatchBelowAutograd no_gradients;
    x_BW_ = features_BW_.narrow(0, 0, dense_BD_.size(0));
    lookup_dots_.write(dense_BD_, id_BF, x_BW_);
  }

  void over() {
    const at::AutoDispatchBelowAutograd no_gradients;
    hidden_BI_ = over_.forward(x_BW_);
  }

  void finish(const at::Tensor& label_B) {
    const int64_t samples = hidden_BI_.size(0);
    TORCH_CHECK(label_B.dim() == 1 && label_B.size(0) == samples && label_B.scalar_type() == at::kFloat &&
                    label_B.is_contiguous(),
                "expected a float32 label for each of ", samples, " samples, got ", label_B.scalar_type(), " of shape ",
                label_B.sizes());
    TORCH_CHECK(learned_ + samples <= samples_, "a step of ", samples_, " samples was begun, there are more");
    probability_B_.resize(samples);
    head_.forward(hidden_BI_, label_B.const_data_ptr<float>(), scale_, probability_B_.data());
  }

  void over_backward() {
    const at::AutoDispatchBelowAutograd no_gradients;
    const at::Tensor gradient_BI = head_.backward(hidden_BI_, over_.empty() ? nullptr : over_.last().bias_gradient());
    features_gradient_BW_ = over_.backward(gradient_BI, true, true);
  }

  void meet_backward(const at::Tensor& id_BF) {
    const int64_t samples = dense_BD_.size(0);
    TORCH_CHECK(features_gradient_BW_.is_contiguous(), "the gradient of the features must be contiguous");
    DotsBackward back{};
    back.lookup = tables_.lookup(id_BF, dense_BD_.const_data_ptr(), dense_BD_.stride(0), nullptr, features_width_);
    back.lookup.feature_format = format_of(dense_BD_);
    back.features_BW = features_gradient_BW_.const_data_ptr();
    back.features_stride = features_width_;
    back.dense_BD = dense_gradient_BD_.mutable_data_ptr();
    back.rows_NFD = rows_.gradients(learned_);
    back.row_NF = rows_.rows(learned_);
    scratch_.for_samples(samples, kernels_.scratch_bytes(back), [&](void* scratch, int64_t sample, int64_t ahead) {
      kernels_.dots_backward(back, scratch, sample, ahead);
      return true;  // the way forward has looked at the ids
    });
    learned_ += samples;
  }

  void bottom_backward() {
    const at::AutoDispatchBelowAutograd no_gradients;
    bottom_.backward(dense_gradient_BD_.narrow(0, 0, dense_BD_.size(0)), false, false);
  }

  // Return the sum over samples of the loss so far, over the samples of the whole step.
  double part_of_loss() const { return head_.loss() / static_cast<double>(all_); }

  // Return the gradients of the weights of a stack (`over`: the upper one, with the head) so far, times the rate, as one
  // vector; `replace_gradients` takes one of the same order for them.
  at::Tensor gradients(bool over) const {
    const at::AutoDispatchBelowAutograd no_gradients;
    std::vector<at::Tensor> parts;
    (over ? over_ : bottom_).append_gradients(parts);
    if (over) head_.append_gradients(parts);
    return parts.empty() ? at::zeros({0}) : at::cat(parts);
  }

  void replace_gradients(bool over, const at::Tensor& flat) {
    const at::AutoDispatchBelowAutograd no_gradients;
    TORCH_CHECK(flat.is_contiguous() && flat.scalar_type() == at::kFloat, "gradients are a float32 vector");
    int64_t end = (over ? over_ : bottom_).replace_gradients(flat, 0);
    if (over) end = head_.replace_gradients(flat, end);
    TORCH_CHECK(end == flat.numel(), "expected ", end, " gradients, got ", flat.numel());
  }

  // Return the gradients of the rows that samples have read, from `begin` on, times the rate, shape (B, F, D).
  at::Tensor row_gradients(int64_t begin, int64_t samples) const {
    TORCH_CHECK(begin >= 0 && samples >= 0 && begin + samples <= learned_, "only ", learned_, " samples were learned");
    return rows_.gradient(begin, samples);
  }

  void update_layers() {
    const at::AutoDispatchBelowAutograd no_gradients;
    loss_ = part_of_loss();
    TORCH_CHECK(learned_ == samples_, "a step of ", samples_, " samples was begun, there are ", learned_);
    bottom_.update();
    over_.update();
    head_.update();
  }

  void update_rows() {
    rows_.update(learned_);
    learned_ = 0;
  }

  // The mean of the last step, before its update.
  double loss() const { return loss_; }

  // Return the click probability, shape (B,).
  at::Tensor predict(const at::Tensor& dense_BI, const at::Tensor& id_BF) {
    at::Tensor probability_B = at::empty({dense_BI.size(0)}, at::dtype(at::kFloat));
    for (int64_t begin = 0; begin < dense_BI.size(0); begin += chunk_) {
      const int64_t samples = std::min(chunk_, dense_BI.size(0) - begin);
      bottom(dense_BI.narrow(0, begin, samples));
      meet(id_BF.narrow(0, begin, samples));
      over();
      head_.forward(hidden_BI_, nullptr, 0.0f, probability_B.mutable_data_ptr<float>() + begin);
    }
    drop();
    return probability_B;
  }

 private:
  void drop() {
    bottom_.drop();
    over_.drop();
    head_.drop();
    learned_ = 0;
  }

  const TrainingKernels& kernels_;
  LayerRules rules_;
  int64_t inputs_, chunk_;
  Tables tables_;
  LearnedStack bottom_, over_;
  LearnedHead head_;
  int64_t features_width_;
  LookupDots lookup_dots_;
  LearnedRows rows_;
  at::Tensor dense_BI_, features_BW_, dense_gradient_BD_;               // of a chunk, used again
  at::Tensor dense_BD_, x_BW_, hidden_BI_, features_gradient_BW_;       // of this chunk
  std::vector<float> probability_B_;
  ThreadScratch scratch_;
  int64_t samples_ = 0, all_ = 1, learned_ = 0;
  float scale_ = 0.0f;
  double loss_ = 0.0;
};

}  // namespace PINBENCH_NAMESPACE
