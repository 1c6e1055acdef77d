#include "@NAME@_runner.h"

#include "@NAME@.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t arena[@GUARD@_ARENA_SIZE];

using Resolver = tflite::MicroMutableOpResolver<@COUNT@>;

TfLiteStatus AddOperators(Resolver& resolver) {
@OPERATORS@
  return kTfLiteOk;
}

}  // namespace

tflite::MicroInterpreter* @NAME@_interpreter() {
  static Resolver resolver;
  static const TfLiteStatus added = AddOperators(resolver);
  static tflite::MicroInterpreter interpreter(tflite::GetModel(@NAME@), resolver, arena, sizeof(arena));
  static const TfLiteStatus allocated = added == kTfLiteOk ? interpreter.AllocateTensors() : added;
  return allocated == kTfLiteOk ? &interpreter : nullptr;
}
