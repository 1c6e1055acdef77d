#include <cstdio>

#include "@NAME@_self_test.h"

int main() {
  if (@NAME@_self_test() != 0) {
    std::printf("@NAME@: the self-test FAILED\n");
    return 1;
  }
  const int percent = static_cast<int>(100 * @NAME@_self_test_difference + 0.5);
  std::printf("@NAME@: the self-test passed, off by %d %% of what is allowed\n", percent);
  return 0;
}
