// What each instruction set's translation unit offers for learning, by plain pointers and numbers as in kernels.h.
//
// All gradients are of minus the learning rate times the loss: so each is what is added to what it is the gradient of.
#pragma once

#include "kernels.h"

namespace PINBENCH_NAMESPACE {

// The way back through the lookup and the dots of a batch.
struct DotsBackward {
  Lookup lookup;                // its dense feature and ids; its output is not read
  const void* features_BW;      // gradient of [dense | dots], in the format of the features
  int64_t features_stride;      // from sample to sample, in values
  void* dense_BD;               // to be written: the gradient of the dense feature, in the format of the features
  void* rows_NFD;               // the gradient of each row that was read, likewise
  int64_t* row_NF;              // which rows of the block these are
};

// Samples of one block of a layer's output: what the ReLU lets back, and sums over the samples.
struct ReluBackward {
  Format format;
  const void* output_BO;  // after the ReLU
  void* gradient_BO;      // changed in place
  int64_t stride;         // of both, in values
  int64_t outputs;
};

// The last layer, the loss and the way back through both.
struct HeadBackward {
  Head head;
  const void* input_BI;
  int64_t stride;       // of the input and its gradient, in values
  const float* label_B;
  float scale;          // of the gradient of the logit
  bool relu;            // whether the input is the output of a ReLU
  float* probability_B;
  float* loss_B;
  float* logit_B;       // gradients
  void* gradient_BI;
};

// Rows of the block, and what is to be added to them.
struct RowUpdate {
  Format format;         // bfloat16: the upper halves of fp32 weights, the lower ones behind them in each row
  void* tables_RD;
  int64_t row_stride;    // in values
  int64_t width;
  Format gradient_format;
  const void* gradient_ND;
  const int64_t* row_N;
};

struct TrainingKernels {
  const char* name;
  int64_t (*scratch_bytes)(const DotsBackward&);
  void (*dots_backward)(const DotsBackward&, void* scratch, int64_t sample, int64_t ahead);
  // Samples [begin, end), their sums into sum_O, which is overwritten.
  void (*relu_backward)(const ReluBackward&, float* sum_O, int64_t begin, int64_t end);
  // Write probability, loss and gradient of the logit of samples [begin, end).
  void (*head_forward)(const HeadBackward&, int64_t begin, int64_t end);
  // Write the gradient of their inputs, its sums into bias_I and the gradient of the weights into weight_I.
  void (*head_backward)(const HeadBackward&, float* bias_I, float* weight_I, int64_t begin, int64_t end);
  // Add the gradients `item_N`, in this order, to their rows; null: the first `items`.
  void (*update_rows)(const RowUpdate&, const int64_t* item_N, int64_t items);
};

}  // namespace PINBENCH_NAMESPACE
