#include <cstdio>

#include "@NAME@_self_test.h"

int main() {
  const int result = @NAME@_self_test();
  if (result < 0) {
    std::printf("@NAME@: the self-test FAILED, the model cannot be run\n");
    return 1;
  }
  const double percent = 100 * @NAME@_self_test_difference;
  std::printf("@NAME@: the self-test %s, off by %.0f %% of what is allowed\n", result ? "FAILED" : "passed", percent);
  return result != 0;
}
