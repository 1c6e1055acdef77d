#include "@NAME@_runner.h"

#include "@NAME@.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace {

alignas(16) uint8_t @NAME@_arena[@GUARD@_ARENA_SIZE];

using @NAME@_Resolver = tflite::MicroMutableOpResolver<@COUNT@>;

TfLiteStatus @NAME@_add_operators(@NAME@_Resolver& resolver) {
@OPERATORS@
  return kTfLiteOk;
}

}  // namespace

tflite::MicroInterpreter* @NAME@_interpreter() {
  static @NAME@_Resolver resolver;
  static const TfLiteStatus added = @NAME@_add_operators(resolver);
  static tflite::MicroInterpreter interpreter(tflite::GetModel(::@NAME@), resolver, @NAME@_arena,
                                              sizeof(@NAME@_arena));
  static const TfLiteStatus allocated = added == kTfLiteOk ? interpreter.AllocateTensors() : added;
  return allocated == kTfLiteOk ? &interpreter : nullptr;
}
