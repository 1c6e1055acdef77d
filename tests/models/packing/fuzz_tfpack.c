/* Has libFuzzer look for packages that harm the decoder. Whatever is accepted must be whole. */
#include <stdlib.h>

#include "tfpack.h"

enum { MOST = 1 << 16, PAGE = 64 };

static int program(void *context, uint32_t offset, const uint8_t *page, uint32_t length) {
  uint8_t *flash = context;
  uint32_t i;
  for (i = 0; i < length; i++) flash[offset + i] = page[i];
  return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t length) {
  tfpack package;
  int way;
  for (way = 0; way < 2; way++) {
    uint8_t *output, page[PAGE];
    uint16_t *work;
    if (tfpack_open_memory(&package, content, length) != TFPACK_OK || package.size > MOST) return 0;
    output = malloc(package.size + !package.size);
    work = malloc(package.work);
    if (way == 0) {
      (void)tfpack_unpack(&package, output, package.size, work, package.work);
    } else {
      (void)tfpack_unpack_to_flash(&package, output, package.size, program, output, page, PAGE, work, package.work);
    }
    free(output);
    free(work);
  }
  return 0;
}
