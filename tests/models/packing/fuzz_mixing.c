/* Has libFuzzer look for payloads, and sizes of what is in them, that harm the compiled coder. What is read is written
 * again, and must come back. */
#include <math.h>

#include "mixing.c"

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t length);

static coder *fresh(void) {
  static double rates[LIMIT + 1], logits[STEPS + 1];
  static uint32_t sigmoids[SIGMOIDS];
  int i;
  for (i = 0; i <= LIMIT; i++) rates[i] = 1 / (i + 1.8);
  for (i = 0; i <= STEPS; i++) logits[i] = round(log((i + 0.5) / (STEPS + 0.5 - i)) * 1024) / 1024;
  for (i = 0; i < SIGMOIDS; i++) sigmoids[i] = (uint32_t)round(65536 / (1 + exp(-(i - REACH * FINE) / (double)FINE)));
  return tfcoder_new(rates, logits, sigmoids);
}

static int coded_all(coder *c, const uint8_t *sizes, uint8_t *weights, uint8_t *bytes, int *number) {
  static const uint32_t sets[] = {0, 1, 2, 3, 4, 5, 6, 7};
  const unsigned width = 1u << sizes[2] % 4, bits = sizes[3] % 3 == 0 ? 8 : sizes[3] % 3 == 1 ? 4 : 2;
  const unsigned common = sizes[4] & ((1u << bits) - 1);
  const uint64_t names[] = {1, sizes[5], 3};
  const uint64_t rows = 1 + sizes[0] % 40, columns = 1 + sizes[1] % 40;
  uint8_t there[1600] = {0}, above[40];
  uint32_t counts[40] = {0};
  int result = tfcoder_code(c, names, 3, 9, sizes[6] % 11, (unsigned)*number);
  if (result < 0) return result;
  *number = result;
  memset(above, (int)common, sizeof above);
  result = tfcoder_weights(c, 0, rows / 2, columns, bits, common, 1 + sizes[5] * 4u, 1 + sizes[6] * 4u, weights, there,
                           above, counts, sets);
  if (result < 0) return result;
  result = tfcoder_weights(c, rows / 2, rows, columns, bits, common, 1 + sizes[5] * 4u, 1 + sizes[6] * 4u, weights,
                           there, above, counts, sets);
  return result < 0 ? result : tfcoder_bytes(c, sizes[4], sizes, 8, bytes, 0, sizes[7], width, sets);
}

int LLVMFuzzerTestOneInput(const uint8_t *content, size_t length) {
  uint8_t weights[2][1600] = {{0}}, bytes[2][256] = {{0}};
  int numbers[2] = {0, 0}, turn;
  coder *c;
  const uint8_t *written;
  uint64_t size;
  if (length < 8) return 0;
  c = fresh();
  tfcoder_restart(c, content + 8, length - 8, 1, content[7] << 8, 1 << 20);
  if (coded_all(c, content, weights[0], bytes[0], &numbers[0]) == DONE) {
    coder *writer = fresh(), *reader = fresh();
    memcpy(weights[1], weights[0], sizeof weights[0]);
    memcpy(bytes[1], bytes[0], sizeof bytes[0]);
    numbers[1] = numbers[0];
    for (turn = 0; turn < 2; turn++) {
      tfcoder_restart(writer, NULL, 0, 0, 1 << 20, 1 << 20);
      if (coded_all(writer, content, weights[1], bytes[1], &numbers[1]) != DONE) abort();
      written = tfcoder_finished(writer, &size);
      memset(weights[1], 0, sizeof weights[1]);
      memset(bytes[1], 0, sizeof bytes[1]);
      tfcoder_restart(reader, written, size, 1, 1 << 20, 1 << 20);
      if (coded_all(reader, content, weights[1], bytes[1], &numbers[1]) != DONE) abort();
      if (memcmp(weights[0], weights[1], sizeof weights[0]) != 0) abort();
      if (memcmp(bytes[0], bytes[1], sizeof bytes[0]) != 0 || numbers[0] != numbers[1]) abort();
    }
    tfcoder_free(writer);
    tfcoder_free(reader);
  }
  tfcoder_free(c);
  return 0;
}
