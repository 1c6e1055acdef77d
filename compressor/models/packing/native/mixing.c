/* The loops of arithmetic_coder.py, weight_coder.py and byte_coder.py, compiled: they make the same bytes.
 *
 * All sums, products and quotients are of IEEE doubles, in the order in which Python computes them, so it must be
 * compiled without contraction into fused operations (-ffp-contract=off) and without -ffast-math. It is loaded by ctypes
 * (compiled_library.py), and so needs no header of Python. Errors come back as numbers; nothing is printed. */
#include <float.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#if defined(__FAST_MATH__) || (defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0)
#error "doubles must be computed as IEEE 754 says"
#endif
#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

enum { DONE = 0, TOO_MUCH = -1, NO_MEMORY = -2 };
enum { STEPS = 4095, LIMIT = 254, REACH = 12, FINE = 128, MOST_CONTEXTS = 8, PLACES = 17 };
enum { SIGMOIDS = 2 * REACH * FINE + 1 };
enum { FIRST_PLACES = 1 << 14, BYTES = 7 };
static const uint64_t ALL = ((uint64_t)1 << 8 * BYTES) - 1, REST = ((uint64_t)1 << (8 * BYTES - 8)) - 1;

/* Kinds of contexts; those of weights have the numbers that weight_coder.py gives them. */
enum { NAMED = 15, BYTE_PLACE, BYTE_AFTER, BYTE_AFTER_TWO, BYTE_OF_WIDTH };

/* Everything that a context is: `low` has its kind in the five highest bits, and in the lowest the bits coded so far. */
typedef struct {
  uint64_t high;
  uint32_t low;
} context;

typedef struct { /* of a context of a bit: how often that was 1, from how many of them */
  double share;
  uint64_t high;
  uint32_t low;
  uint8_t count;
} state;

/* The same of three bits of a number, one after the other, which lie together since they are needed together. */
enum { LEVELS = 3, STATES = (1 << LEVELS) - 1 };
typedef struct {
  uint64_t high;
  uint32_t low;
  uint8_t counts[STATES + 1];
  double shares[STATES];
} block;

/* Of a context of the bit that is coded. */
typedef struct {
  double *share;
  uint8_t *count;
} seen;

typedef struct {
  double rates[LIMIT + 1], logits[STEPS + 1];
  uint32_t sigmoids[SIGMOIDS];
  state *states;
  block *blocks;
  uint64_t places, taken, block_places, blocks_taken, used, most_used;
  double (*weights)[MOST_CONTEXTS];
  uint8_t *begun; /* whether each row of weights has its first values */
  uint32_t rows;
  int64_t left;
  uint64_t low, high, code, position, length, written, room;
  const uint8_t *payload;
  uint8_t *output;
  int reads;
} coder;

/* Zeros for a table that is read here and there: on large pages where the system has them, a tenth faster. */
static void *table(uint64_t places, size_t size) {
  char *made = calloc(places, size);
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t page = (uintptr_t)1 << 21, first = ((uintptr_t)made + page - 1) / page * page;
  const uintptr_t end = ((uintptr_t)made + places * size) / page * page;
  if (made != NULL && end > first) madvise((void *)first, end - first, MADV_HUGEPAGE);
#endif
  return made;
}

PUBLIC void tfcoder_free(coder *c) {
  if (c == NULL) return;
  free(c->states);
  free(c->blocks);
  free(c->weights);
  free(c->begun);
  free(c->output);
  free(c);
}

/* The tables are made by Python, whose logarithms are the reference. */
PUBLIC coder *tfcoder_new(const double *rates, const double *logits, const uint32_t *sigmoids) {
  coder *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  memcpy(c->rates, rates, sizeof c->rates);
  memcpy(c->logits, logits, sizeof c->logits);
  memcpy(c->sigmoids, sigmoids, sizeof c->sigmoids);
  c->places = c->block_places = FIRST_PLACES;
  c->states = table(c->places, sizeof *c->states);
  c->blocks = table(c->block_places, sizeof *c->blocks);
  if (c->states == NULL || c->blocks == NULL) {
    tfcoder_free(c);
    return NULL;
  }
  return c;
}

/* Begins to write, or with `reads` to read a payload, which must stay where it is. At most so many bits are coded, and
 * so many contexts seen. */
PUBLIC void tfcoder_restart(coder *c, const uint8_t *payload, uint64_t length, int reads, int64_t most_coded,
                            uint64_t most_seen) {
  unsigned i;
  c->payload = payload;
  c->length = length;
  c->reads = reads;
  c->left = most_coded;
  c->most_used = most_seen;
  c->low = c->written = c->code = 0;
  c->high = ALL;
  c->position = BYTES;
  for (i = 0; i < BYTES; i++) c->code = c->code << 8 | (i < length ? payload[i] : 0);
}

static uint64_t mixed(uint64_t high, uint32_t low) {
  uint64_t value = (high ^ (uint64_t)low << 20) * 0x9E3779B97F4A7C15u;
  value = (value ^ value >> 29 ^ low) * 0xBF58476D1CE4E5B9u;
  return value ^ value >> 32;
}

static void fetch(const void *from) {
#ifdef __GNUC__
  __builtin_prefetch(from, 1);
  __builtin_prefetch((const char *)from + 64, 1);
#else
  (void)from;
#endif
}

/* Makes sure that so many states of contexts find a place. */
static int room_for_states(coder *c) {
  state *old = c->states, *moved;
  const uint64_t places = c->places;
  uint64_t i, place;
  if (c->taken + MOST_CONTEXTS <= places - (places >> 2)) return DONE;
  moved = table(2 * places, sizeof *moved);
  if (moved == NULL) return NO_MEMORY;
  for (i = 0; i < places; i++) {
    if (old[i].low == 0) continue;
    place = mixed(old[i].high, old[i].low) & (2 * places - 1);
    while (moved[place].low != 0) place = (place + 1) & (2 * places - 1);
    moved[place] = old[i];
  }
  free(old);
  c->states = moved;
  c->places = 2 * places;
  return DONE;
}

static int room_for_blocks(coder *c) {
  block *old = c->blocks, *moved;
  const uint64_t places = c->block_places;
  uint64_t i, place;
  if (c->blocks_taken + MOST_CONTEXTS <= places - (places >> 2)) return DONE;
  moved = table(2 * places, sizeof *moved);
  if (moved == NULL) return NO_MEMORY;
  for (i = 0; i < places; i++) {
    if (old[i].low == 0) continue;
    place = mixed(old[i].high, old[i].low) & (2 * places - 1);
    while (moved[place].low != 0) place = (place + 1) & (2 * places - 1);
    moved[place] = old[i];
  }
  free(old);
  c->blocks = moved;
  c->block_places = 2 * places;
  return DONE;
}

static state *state_of(coder *c, uint64_t place, const context *of) {
  state *found;
  for (;; place++) {
    found = &c->states[place & (c->places - 1)];
    if (found->low == of->low && found->high == of->high) return found;
    if (found->low == 0) break;
  }
  found->high = of->high;
  found->low = of->low;
  found->share = 0.5;
  c->taken++;
  return found;
}

static block *block_of(coder *c, uint64_t place, const context *of) {
  block *found;
  unsigned i;
  for (;; place++) {
    found = &c->blocks[place & (c->block_places - 1)];
    if (found->low == of->low && found->high == of->high) return found;
    if (found->low == 0) break;
  }
  found->high = of->high;
  found->low = of->low;
  for (i = 0; i < STATES; i++) found->shares[i] = 0.5;
  c->blocks_taken++;
  return found;
}

/* Makes sure that there are weights with this number. */
static int weighed(coder *c, uint32_t chooses, unsigned count) {
  unsigned i;
  if (chooses >= c->rows) {
    const uint32_t rows = 2 * chooses + 64;
    void *weights = realloc(c->weights, rows * sizeof *c->weights), *begun;
    if (weights == NULL) return NO_MEMORY;
    c->weights = weights;
    begun = realloc(c->begun, rows);
    if (begun == NULL) return NO_MEMORY;
    c->begun = begun;
    memset(c->begun + c->rows, 0, rows - c->rows);
    c->rows = rows;
  }
  if (!c->begun[chooses]) {
    for (i = 0; i < count; i++) c->weights[chooses][i] = 1.4 / (count + 1);
    c->begun[chooses] = 1;
  }
  return DONE;
}

/* Makes sure that there is room for what one bit, or the end, can add to the output. */
static int roomy(coder *c) {
  if (!c->reads && c->written + 2 * BYTES > c->room) {
    const uint64_t room = 2 * c->room + 4096;
    uint8_t *output = realloc(c->output, room);
    if (output == NULL) return NO_MEMORY;
    c->output = output;
    c->room = room;
  }
  return DONE;
}

static void shift(coder *c) {
  if (c->reads) {
    c->code = (c->code & REST) << 8 | (c->position < c->length ? c->payload[c->position] : 0);
    c->position++;
  } else {
    c->output[c->written++] = (uint8_t)(c->high >> (8 * BYTES - 8));
  }
  c->low = (c->low & REST) << 8;
  c->high = (c->high & REST) << 8 | 0xFF;
}

static int mixed_bit(coder *c, const seen *of, unsigned count, uint32_t chooses, int bit) {
  double logits[MOST_CONTEXTS], total = 0, error, *weights;
  uint64_t width, middle;
  uint32_t share;
  unsigned i;
  int failed;
  if (--c->left < 0 || c->used + MOST_CONTEXTS > c->most_used) return TOO_MUCH;
  if ((failed = weighed(c, chooses, count)) != DONE || (failed = roomy(c)) != DONE) return failed;
  weights = c->weights[chooses];
  for (i = 0; i < count; i++) {
    logits[i] = c->logits[(int)(*of[i].share * STEPS)];
    total += weights[i] * logits[i];
  }
  total = (total + REACH) * FINE;
  share = c->sigmoids[total < 0 ? 0 : total > SIGMOIDS - 1 ? SIGMOIDS - 1 : (int)total];
  share = share < 8 ? 8 : share > 65528 ? 65528 : share;
  width = c->high - c->low;
  middle = c->low + (width >> 16) * share + ((width & 0xFFFF) * share >> 16);
  if (c->reads) bit = c->code <= middle;
  if (bit) {
    c->high = middle;
  } else {
    c->low = middle + 1;
  }
  while ((c->low ^ c->high) <= REST) shift(c);
  error = (bit - share / 65536.0) * 0.008;
  for (i = 0; i < count; i++) weights[i] += error * logits[i];
  for (i = 0; i < count; i++) { /* one by one, since the same context may be there twice */
    c->used += *of[i].count == 0;
    *of[i].share += (bit - *of[i].share) * c->rates[*of[i].count];
    *of[i].count = (uint8_t)(*of[i].count + (*of[i].count < LIMIT));
  }
  return bit;
}

static int coded(coder *c, const context *contexts, unsigned count, uint32_t chooses, int bit) {
  uint64_t places[MOST_CONTEXTS];
  seen of[MOST_CONTEXTS];
  unsigned i;
  const int failed = room_for_states(c);
  if (failed != DONE) return failed;
  for (i = 0; i < count; i++) {
    places[i] = mixed(contexts[i].high, contexts[i].low);
    fetch(&c->states[places[i] & (c->places - 1)]);
  }
  for (i = 0; i < count; i++) {
    state *found = state_of(c, places[i], &contexts[i]);
    of[i].share = &found->share;
    of[i].count = &found->count;
  }
  return mixed_bit(c, of, count, chooses, bit);
}

static int symbol(coder *c, context *contexts, unsigned count, uint32_t chooses, unsigned bits, unsigned value) {
  block *blocks[MOST_CONTEXTS];
  uint64_t places[MOST_CONTEXTS];
  seen of[MOST_CONTEXTS];
  uint32_t prefix = 1, node = 1;
  unsigned i, place;
  for (place = bits; place-- > 0;) {
    int bit;
    if ((bits - 1 - place) % LEVELS == 0) {
      const int failed = room_for_blocks(c);
      if (failed != DONE) return failed;
      for (i = 0; i < count; i++) {
        places[i] = mixed(contexts[i].high, contexts[i].low | prefix);
        fetch(&c->blocks[places[i] & (c->block_places - 1)]);
      }
      for (i = 0; i < count; i++) {
        context of_block = contexts[i];
        of_block.low |= prefix;
        blocks[i] = block_of(c, places[i], &of_block);
      }
      node = 1;
    }
    for (i = 0; i < count; i++) {
      of[i].share = &blocks[i]->shares[node - 1];
      of[i].count = &blocks[i]->counts[node - 1];
    }
    bit = mixed_bit(c, of, count, chooses * PLACES + 1 + place, value >> place & 1);
    if (bit < 0) return bit;
    prefix = prefix << 1 | (uint32_t)bit;
    node = node << 1 | (uint32_t)bit;
  }
  return (int)(prefix - (1u << bits));
}

static context made(unsigned kind, uint64_t high, uint32_t low) {
  context c;
  c.high = high;
  c.low = (uint32_t)kind << 27 | low;
  return c;
}

/* A bit, or with `bits` above 0 a number of so many, with contexts by the numbers that Python gave their names. */
PUBLIC int tfcoder_code(coder *c, const uint64_t *names, unsigned count, uint32_t chooses, unsigned bits,
                        unsigned value) {
  context contexts[MOST_CONTEXTS];
  unsigned i;
  for (i = 0; i < count; i++) contexts[i] = made(NAMED, names[i], 0);
  return bits == 0 ? coded(c, contexts, count, chooses * PLACES, (int)value)
                   : symbol(c, contexts, count, chooses, bits, value);
}

/* The bytes from one place to another: see byte_coder.py. `chooses` has a number for each place in a number of `width`
 * bytes. */
PUBLIC int tfcoder_bytes(coder *c, uint32_t path, const uint8_t *before, uint64_t known, uint8_t *content,
                         uint64_t from, uint64_t to, unsigned width, const uint32_t *chooses) {
  uint64_t i;
  for (i = from; i < to; i++) {
    const unsigned place = (unsigned)(i % width);
    /* 0 for none, and else the byte plus 1 */
    const uint32_t last = i > 0 ? content[i - 1] + 1u : 0, second = i > 1 ? content[i - 2] + 1u : 0;
    const uint32_t same = i >= width ? content[i - width] + 1u : 0, old = i < known ? before[i] + 1u : 0;
    const uint64_t here = (uint64_t)path << 32;
    context contexts[6];
    int value;
    contexts[0] = made(BYTE_PLACE, here | place, 0);
    contexts[1] = made(BYTE_AFTER, here | place, last << 8);
    contexts[2] = made(BYTE_AFTER_TWO, here | place, last << 8 | second << 17);
    contexts[3] = made(BYTE_AFTER, here | place, same << 8);
    contexts[4] = made(BYTE_AFTER, here | (uint32_t)i, old << 8);
    contexts[5] = made(BYTE_OF_WIDTH, (uint64_t)width << 32 | place, last << 8 | same << 17);
    value = symbol(c, contexts, 6, chooses[place], 8, content[i]);
    if (value < 0) return value;
    content[i] = (uint8_t)value;
  }
  return DONE;
}

static unsigned bit_length(uint64_t value) {
  unsigned length = 0;
  for (; value > 0; value >>= 1) length++;
  return length;
}

static uint64_t least(uint64_t one, uint64_t other) { return one < other ? one : other; }

/* The rows from one to another: see weight_coder.py. `chooses` has six numbers for whether a weight is there, and one for
 * its value. Of all rows together, `there` has a byte for each weight, and of each column `above` its last value and
 * `counts` how many there were; they begin as zeros, and `above` as the commonest value. */
PUBLIC int tfcoder_weights(coder *c, uint64_t from, uint64_t to, uint64_t columns, unsigned bits, unsigned common,
                           uint64_t near, uint64_t far, uint8_t *values, uint8_t *there, uint8_t *above,
                           uint32_t *counts, const uint32_t *chooses) {
  uint64_t row, column;
  for (row = from; row < to; row++) {
    const unsigned depth = (unsigned)(row < 4 ? least(row, 3) : bit_length(row) + 1);
    uint64_t run = 0, dense = 0;
    unsigned last = common;
    for (column = 0; column < columns; column++) {
      const uint64_t at = row * columns + column;
      const uint32_t count = counts[column];
      const uint32_t left = at >= 1 ? there[at - 1] : 0, up = at >= columns ? there[at - columns] : 0;
      uint64_t around = 0;
      uint32_t known;
      context contexts[MOST_CONTEXTS];
      int bit, value;
      if (column >= 1) around += counts[column - 1];
      if (column + 1 < columns) around += counts[column + 1];
      if (column >= near) around += counts[column - near];
      if (column >= far) around += counts[column - far];
      if (column + near < columns) around += counts[column + near];
      if (column + far < columns) around += counts[column + far];
      known = left | up << 1;
      if (at >= near) known |= (uint32_t)there[at - near] << 2;
      if (at >= far) known |= (uint32_t)there[at - far] << 3;
      if (at >= 2) known |= (uint32_t)there[at - 2] << 4;
      contexts[0] = made(1, least(count, 12) << 8 | depth, 0);
      contexts[1] = made(2, known, 0);
      if (at + 1 >= columns && there[at + 1 - columns]) contexts[1].high |= 1 << 5;
      if (at >= 2 * columns && there[at - 2 * columns]) contexts[1].high |= 1 << 6;
      contexts[2] = made(3, (around < 24 ? around : 24 + (around >> 3)) << 8 | depth << 1 | (count > 0), 0);
      contexts[3] = made(4, (column % near) << 32 | (near < far ? column % far / near : 0) << 8 | bits, 0);
      contexts[4] = made(5, row << 8 | dense * 24 / (column + 1), 0);
      contexts[5] = made(6, bit_length(run) << 1 | left, 0);
      contexts[6] = made(7, column, 0);
      contexts[7] = made(8, known << 8 | least(count, 3) << 4 | least(around, 7), 0);
      bit = coded(c, contexts, 8, chooses[least(count, 2) * 2 + (depth > 3)] * PLACES, values[at] != common);
      if (bit < 0) return bit;
      if (bit == 0) {
        values[at] = (uint8_t)common;
        run++;
        continue;
      }
      contexts[0] = made(9, 0, 0);
      contexts[1] = made(10, row, 0);
      contexts[2] = made(11, last, 0);
      contexts[3] = made(12, above[column], 0);
      contexts[4] = made(13, at >= near ? values[at - near] : common, 0);
      contexts[5] = made(14, column % near, 0);
      value = symbol(c, contexts, 6, chooses[6], bits, values[at]);
      if (value < 0) return value;
      values[at] = above[column] = (uint8_t)(last = (unsigned)value);
      there[at] = 1;
      counts[column] = count + 1;
      dense++;
      run = 0;
    }
  }
  return DONE;
}

/* How many more bits may be coded. */
PUBLIC int64_t tfcoder_left(const coder *c) { return c->left; }

/* The shortest payload of the bits written, and its length. */
PUBLIC const uint8_t *tfcoder_finished(coder *c, uint64_t *length) {
  unsigned count, i;
  if (roomy(c) != DONE) return NULL;
  *length = c->written;
  for (count = 0; count <= BYTES; count++) {
    const uint64_t unit = (uint64_t)1 << (8 * (BYTES - count)), value = (c->low + unit - 1) / unit * unit;
    if (value > c->high) continue;
    for (i = 0; i < count; i++) c->output[c->written + i] = (uint8_t)(value >> (8 * (BYTES - 1 - i)));
    *length = c->written + count;
    break;
  }
  return c->output;
}

/* What a linker on Windows looks for in an extension; it is never imported as one. */
PUBLIC void *PyInit__compiled(void) { return NULL; }
