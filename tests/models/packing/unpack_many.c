/* Unpacks packages from standard input, each after its length in four bytes: to memory, and to flash that is simulated.
 * Writes for each way the result in a byte, the size of the file in four, and the file where it was unpacked. Arguments:
 * the size of a page, and 1 for memory alone or 2 for flash alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tfpack.h"

typedef struct {
  const uint8_t *next;
  size_t left, step;
} source;

static size_t read_some(void *context, uint8_t *into, size_t most) {
  source *from = context;
  size_t count = from->step % 7 + 1; /* pieces of odd sizes */
  if (count > most) count = most;
  if (count > from->left) count = from->left;
  if (count > 0) memcpy(into, from->next, count);
  from->next += count;
  from->left -= count;
  from->step++;
  return count;
}

static int program(void *context, uint32_t offset, const uint8_t *page, uint32_t length) {
  uint8_t *flash = context;
  uint32_t i;
  for (i = 0; i < length; i++) {
    if (flash[offset + i] != 0xFF) return 1; /* written twice */
    flash[offset + i] = page[i];
  }
  return 0;
}

static void answer(tfpack_result result, uint32_t size, const uint8_t *content) {
  putchar((int)result);
  fwrite(&size, 1, 4, stdout);
  if (result == TFPACK_OK) fwrite(content, 1, size, stdout);
}

int main(int argc, char **argv) {
  const uint32_t page_size = argc > 1 ? (uint32_t)atoi(argv[1]) : 256;
  const int ways = argc > 2 ? atoi(argv[2]) : 3;
  uint32_t length;
  while (fread(&length, 4, 1, stdin) == 1) {
    uint8_t *content = malloc(length + !length), *page = malloc(page_size);
    int way;
    if (fread(content, 1, length, stdin) != length) return 1;
    for (way = 0; way < 2; way++) {
      tfpack package;
      source from = {content, length, 0};
      tfpack_result result =
          way == 0 ? tfpack_open_memory(&package, content, length) : tfpack_open(&package, read_some, &from);
      uint8_t *output = NULL;
      uint16_t *work = NULL;
      if (!(ways >> way & 1)) continue;
      if (result == TFPACK_OK && package.size > 1u << 23) result = TFPACK_NO_ROOM;
      if (result == TFPACK_OK) {
        output = malloc(package.size + !package.size);
        work = malloc(package.work);
        memset(output, 0xFF, package.size);
        result = way == 0 ? tfpack_unpack(&package, output, package.size, work, package.work)
                          : tfpack_unpack_to_flash(&package, output, package.size, program, output, page, page_size,
                                                   work, package.work);
      }
      answer(result, package.size, output);
      free(output);
      free(work);
    }
    free(content);
    free(page);
  }
  return 0;
}
