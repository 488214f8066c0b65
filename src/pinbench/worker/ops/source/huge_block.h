// Memory on huge pages where the kernel grants them: the chain reads all of it at each call.
#pragma once

#include <c10/util/Exception.h>
#include <sys/mman.h>

namespace PINBENCH_NAMESPACE {

class HugeBlock {
 public:
  explicit HugeBlock(size_t bytes) : bytes_((bytes + kHugePage - 1) / kHugePage * kHugePage) {
    memory_ = mmap(nullptr, bytes_ + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    TORCH_CHECK(memory_ != MAP_FAILED, "cannot allocate ", bytes_, " bytes for the weights");
    madvise(data(), bytes_, MADV_HUGEPAGE);  // refused where the administrator says never: the record shows it
  }
  ~HugeBlock() { munmap(memory_, bytes_ + kHugePage); }
  HugeBlock(const HugeBlock&) = delete;
  HugeBlock& operator=(const HugeBlock&) = delete;

  char* data() const {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(memory_) + kHugePage - 1) / kHugePage * kHugePage);
  }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;

  size_t bytes_;
  void* memory_;
};

}  // namespace PINBENCH_NAMESPACE
