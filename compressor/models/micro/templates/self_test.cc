#include "@NAME@_self_test.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "@NAME@_runner.h"
#include "@NAME@_vector.h"

double @NAME@_self_test_difference = 0;

namespace {

/* Whether numbers of type T are off by no more than is allowed. Keeps the largest difference, as a share of that. */
template <typename T>
bool Near(const void* made, const unsigned char* wanted, std::size_t bytes, double allowed) {
  bool near = true;
  for (std::size_t at = 0; at < bytes; at += sizeof(T)) {
    if (std::memcmp(static_cast<const unsigned char*>(made) + at, wanted + at, sizeof(T)) == 0) continue;
    T one, other;
    std::memcpy(&one, static_cast<const unsigned char*>(made) + at, sizeof(T));
    std::memcpy(&other, wanted + at, sizeof(T));
    const double off = one > other ? double(one) - double(other) : double(other) - double(one);
    const double share = off / allowed;
    if (!(share <= @NAME@_self_test_difference)) @NAME@_self_test_difference = share;
    near = near && off <= allowed;
  }
  return near;
}

}  // namespace

int @NAME@_self_test() {
  tflite::MicroInterpreter* interpreter = @NAME@_interpreter();
  if (interpreter == nullptr) return -1;
  @NAME@_self_test_difference = 0;
@FILL@
  if (interpreter->Invoke() != kTfLiteOk) return -1;
@COMPARE@
  return 0;
}
