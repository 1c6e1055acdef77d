/* Declares what the generated code uses of LiteRT for Microcontrollers, so that a compiler can check the code without its
 * sources. Invoke() copies the first input to the first output. */
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
#define TF_LITE_ENSURE_STATUS(call)              \
  do {                                           \
    const TfLiteStatus status = (call);          \
    if (status != kTfLiteOk) return status;      \
  } while (false)

struct TfLiteTensor {
  union {
    char* raw;
    std::int8_t* int8;
  } data;
};

namespace tflite {

struct Model {
  const void* content;
};
inline const Model* GetModel(const void* content) {
  static Model model;
  model.content = content;
  return &model;
}

class MicroOpResolver {};

class MicroInterpreter {
 public:
  MicroInterpreter(const Model*, const MicroOpResolver&, std::uint8_t* arena, std::size_t size) : size_(size) {
    input_.data.raw = output_.data.raw = reinterpret_cast<char*>(arena);
  }
  TfLiteStatus AllocateTensors() { return size_ % 16 == 0 ? kTfLiteOk : kTfLiteError; }
  TfLiteStatus Invoke() { return kTfLiteOk; }
  TfLiteTensor* input(std::size_t) { return &input_; }
  TfLiteTensor* output(std::size_t) { return &output_; }

 private:
  std::size_t size_;
  TfLiteTensor input_, output_;
};

}  // namespace tflite
