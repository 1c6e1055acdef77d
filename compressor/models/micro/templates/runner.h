/* Runs @NAME@ in LiteRT for Microcontrollers. */
#ifndef @GUARD@_RUNNER_H
#define @GUARD@_RUNNER_H

#include "tensorflow/lite/micro/micro_interpreter.h"

/* The interpreter, with its tensors allocated at the first call; nullptr if the arena is too small for them, or an
 * operator is missing. Fill input(0)->data, call Invoke(), and read output(0)->data. */
tflite::MicroInterpreter* @NAME@_interpreter();

#endif
