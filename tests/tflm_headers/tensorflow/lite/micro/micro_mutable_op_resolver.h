#pragma once
#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

template <unsigned int count>
class MicroMutableOpResolver : public MicroOpResolver {
 public:
  TfLiteStatus AddConv2D() { return Add(); }
  TfLiteStatus AddFullyConnected() { return Add(); }
  TfLiteStatus AddMaxPool2D() { return Add(); }
  TfLiteStatus AddRelu() { return Add(); }

 private:
  TfLiteStatus Add() { return added_++ < count ? kTfLiteOk : kTfLiteError; }
  unsigned int added_ = 0;
};

}  // namespace tflite
