// The name of this header depends on the library that you installed; README.md names two.
#if __has_include(<Chirale_TensorFlowLite.h>)
#include <Chirale_TensorFlowLite.h>
#elif __has_include(<TensorFlowLite.h>)
#include <TensorFlowLite.h>
#endif

#include "@NAME@_runner.h"
@INCLUDE_TEST@
void setup() {
  Serial.begin(115200);
  while (!Serial) {
  }
@SETUP@
}

void loop() {
  // tflite::MicroInterpreter* interpreter = @NAME@_interpreter();
  // Fill interpreter->input(0)->data, call interpreter->Invoke(), and read interpreter->output(0)->data.
}
