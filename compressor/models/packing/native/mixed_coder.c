/* Writes and reads payloads of the coder `mixed`, by the functions of the decoder for devices: each bit that these ask
 * for is read from the payload, or taken from the content and written. Loaded by ctypes, as mixing.c is. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../device/tfpack.h"

static uint32_t bit_of(tfpack *p, uint32_t middle);
static void shift(tfpack *p);

#define TFPACK_BIT(p, middle) bit_of(p, middle)
#define TFPACK_SHIFT(p) shift(p)
#define TFPACK_WITHOUT_GZIP
#define TFPACK_WITHOUT_XZ
#include "../device/tfpack.c"

#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

enum { DAMAGED = -1, NO_MEMORY = -2, MOST_BITS = 4 * (5 + 31) + 9 };

typedef struct {
  tfpack package; /* the first, so that it leads here */
  mixer model;
  int writes, begun;
  uint8_t bits[MOST_BITS]; /* that are to be written next */
  unsigned asked, known;
  uint8_t *content, *payload;
  const uint32_t *segments;
  uint64_t length, room;
  uint16_t work[1 << (MOST_MEMORY - 1)];
} mixed_coder;

static uint32_t bit_of(tfpack *p, uint32_t middle) {
  mixed_coder *c = (mixed_coder *)p;
  return c->writes ? c->bits[c->asked++] : p->value <= middle;
}

static void shift(tfpack *p) {
  mixed_coder *c = (mixed_coder *)p;
  if (!c->writes) {
    p->value = p->value << 8 | next_byte(p);
  } else if (c->begun) {
    c->payload[c->length++] = (uint8_t)(p->low >> 24);
  }
}

PUBLIC void tfcoder_mixed_free(mixed_coder *c) {
  if (c == NULL) return;
  free(c->content);
  free(c->payload);
  free(c);
}

/* Begins to write a content, whose segments have four numbers each, or without one to read a payload of a content of
 * this size. Segments and payload must stay where they are. `memory` is the logarithm of the working memory's bytes. */
PUBLIC mixed_coder *tfcoder_mixed_new(const uint8_t *content, uint32_t size, const uint32_t *segments,
                                      const uint8_t *payload, uint64_t length, unsigned memory) {
  mixed_coder *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->content = malloc((size_t)size + 1);
  if (c->content == NULL) {
    tfcoder_mixed_free(c);
    return NULL;
  }
  c->writes = content != NULL;
  if (c->writes) memcpy(c->content, content, size);
  c->segments = segments;
  c->package.next = payload;
  c->package.end = payload + length;
  c->package.output = c->content;
  c->package.written = c->content;
  c->package.size = size;
  begin_mixing(&c->package, &c->model, c->work, 1u << memory);
  c->begun = 1;
  return c;
}

static void add_bits(mixed_coder *c, uint32_t number, unsigned count) {
  while (count-- > 0) c->bits[c->known++] = number >> count & 1;
}

static void add_number(mixed_coder *c, uint32_t number) {
  const unsigned length = bit_length(number) - 1;
  add_bits(c, length, 5);
  add_bits(c, number, length);
}

/* Makes sure that there is room for what one byte, or the end, can add to the payload. */
static int roomy(mixed_coder *c) {
  const uint64_t room = 2 * c->room + 4096;
  uint8_t *payload;
  if (c->length + 2 * MOST_BITS <= c->room) return 1;
  payload = realloc(c->payload, room);
  if (payload == NULL) return 0;
  c->payload = payload;
  c->room = room;
  return 1;
}

/* Writes or reads the bytes up to one place. Returns how many bytes have been written. */
PUBLIC int64_t tfcoder_mixed_code(mixed_coder *c, uint32_t end) {
  tfpack *p = &c->package;
  if (!c->writes) return mix(p, &c->model, end) == TFPACK_OK ? 0 : DAMAGED;
  while (p->position < end) {
    const uint8_t byte = c->content[p->position];
    if (!roomy(c)) return NO_MEMORY;
    c->asked = c->known = 0;
    if (c->model.left == 0) {
      const unsigned numbers = c->segments[1] == 1 ? 2 : 4;
      unsigned i;
      for (i = 0; i < numbers; i++) add_number(c, c->segments[i]);
      c->segments += 4;
    }
    add_bits(c, byte != 0, 1);
    if (byte != 0) add_bits(c, byte, 8);
    (void)mix(p, &c->model, p->position + 1);
  }
  return (int64_t)c->length;
}

/* The shortest payload of what was written, or the content that was read, and its length. */
PUBLIC const uint8_t *tfcoder_mixed_finished(mixed_coder *c, uint64_t *length) {
  const uint32_t low = c->package.low, high = low + c->package.range;
  unsigned count, i;
  *length = c->package.position;
  if (!c->writes) return c->content;
  if (!roomy(c)) return NULL;
  *length = c->length;
  for (count = 0; count <= 4; count++) {
    const uint64_t unit = (uint64_t)1 << (32 - 8 * count), value = (low + unit - 1) / unit * unit;
    if (value > high) continue;
    for (i = 0; i < count; i++) c->payload[c->length + i] = (uint8_t)(value >> (24 - 8 * i));
    *length = c->length + count;
    break;
  }
  return c->payload;
}
