#include <cstdio>

#include "@NAME@_self_test.h"

int main() {
  const int result = @NAME@_self_test();
  std::printf("%s\n", result == 0 ? "@NAME@: the self-test passed" : "@NAME@: the self-test FAILED");
  return result != 0;
}
