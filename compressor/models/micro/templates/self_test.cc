#include "@NAME@_self_test.h"

#include <cstring>

#include "@NAME@_runner.h"
#include "@NAME@_vector.h"

int @NAME@_self_test() {
  tflite::MicroInterpreter* interpreter = @NAME@_interpreter();
  if (interpreter == nullptr) return -1;
@FILL@
  if (interpreter->Invoke() != kTfLiteOk) return -1;
@COMPARE@
  return 0;
}
