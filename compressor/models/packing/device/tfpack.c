/* See tfpack.h. */
#include "tfpack.h"

#define TRY(call)                              \
  do {                                         \
    const tfpack_result failed = (call);       \
    if (failed != TFPACK_OK) return failed;    \
  } while (0)

enum { GZIP = 0, XZ = 3, MIXED = 5, CODERS = 6 };

/* Input and output */

static uint8_t next_byte(tfpack *p) {
  if (p->next == p->end) {
    const size_t count = p->read != NULL && p->ended == 0 ? p->read(p->context, p->chunk, sizeof p->chunk) : 0;
    if (count == 0 || count > sizeof p->chunk) {
      if (p->ended < 0xFF) p->ended++;
      return 0;
    }
    p->next = p->chunk;
    p->end = p->chunk + count;
  }
  return *p->next++;
}

static tfpack_result flush(tfpack *p) {
  const uint32_t length = p->position - p->page_start;
  if (p->program == NULL || length == 0) return TFPACK_OK;
  if (p->program(p->program_context, p->page_start, p->page, length) != 0) return TFPACK_WRITE_FAILED;
  p->page_start = p->position;
  return TFPACK_OK;
}

static uint8_t earlier(const tfpack *p, uint32_t distance) {
  const uint32_t at = p->position - distance;
  return p->program != NULL && at >= p->page_start ? p->page[at - p->page_start] : p->written[at];
}

static tfpack_result put(tfpack *p, uint8_t byte) {
  if (p->position == p->size || p->ended > p->spare) return TFPACK_DAMAGED;
  if (p->program == NULL) {
    p->output[p->position++] = byte;
    return TFPACK_OK;
  }
  p->page[p->position - p->page_start] = byte;
  return ++p->position - p->page_start == p->page_size ? flush(p) : TFPACK_OK;
}

#if !defined(TFPACK_WITHOUT_GZIP) || !defined(TFPACK_WITHOUT_XZ)

static tfpack_result repeat(tfpack *p, uint32_t distance, uint32_t length) {
  if (distance > p->position) return TFPACK_DAMAGED;
  while (length-- > 0) TRY(put(p, earlier(p, distance)));
  return TFPACK_OK;
}

#endif

/* Deflate (RFC 1951), without the header of gzip */

#ifndef TFPACK_WITHOUT_GZIP

enum { MOST_BITS = 15, LITERALS = 288, DISTANCES = 32, ORDERS = 19 };
/* places in the working memory: how many codes there are of each length, symbols in the order of their codes, and the
 * lengths that these are made of */
enum {
  LITERAL_COUNTS = 0,
  DISTANCE_COUNTS = LITERAL_COUNTS + MOST_BITS + 1,
  LITERAL_SYMBOLS = DISTANCE_COUNTS + MOST_BITS + 1,
  DISTANCE_SYMBOLS = LITERAL_SYMBOLS + LITERALS,
  LENGTHS = DISTANCE_SYMBOLS + DISTANCES,
  GZIP_WORK = LENGTHS + LITERALS + DISTANCES
};

static uint32_t bits(tfpack *p, uint32_t count) {
  uint32_t value;
  while (p->held < count) {
    p->bits |= (uint32_t)next_byte(p) << p->held;
    p->held += 8;
  }
  value = p->bits & ((1u << count) - 1);
  p->bits >>= count;
  p->held -= count;
  return value;
}

static void make_codes(uint16_t *counts, uint16_t *symbols, const uint16_t *lengths, uint32_t number) {
  uint16_t starts[MOST_BITS + 1];
  uint32_t i, next = 0;
  for (i = 0; i <= MOST_BITS; i++) counts[i] = 0;
  for (i = 0; i < number; i++) counts[lengths[i]]++;
  counts[0] = 0;
  for (i = 1; i <= MOST_BITS; i++) {
    starts[i] = (uint16_t)next;
    next += counts[i];
  }
  for (i = 0; i < number; i++) {
    if (lengths[i] != 0) symbols[starts[lengths[i]]++] = (uint16_t)i;
  }
}

/* The next symbol, or 0xFFFF where no code begins so. */
static uint32_t symbol(tfpack *p, const uint16_t *counts, const uint16_t *symbols) {
  uint32_t code = 0, first = 0, index = 0, length;
  for (length = 1; length <= MOST_BITS; length++) {
    code |= bits(p, 1);
    if (code < first + counts[length]) return code < first ? 0xFFFF : symbols[index + code - first];
    index += counts[length];
    first = (first + counts[length]) << 1;
    code <<= 1;
  }
  return 0xFFFF;
}

static tfpack_result read_codes(tfpack *p, uint16_t *work) {
  static const uint8_t order[ORDERS] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
  uint16_t *lengths = work + LENGTHS;
  const uint32_t literals = bits(p, 5) + 257, distances = bits(p, 5) + 1, given = bits(p, 4) + 4;
  uint32_t i;
  if (literals > 286 || distances > 30) return TFPACK_DAMAGED;
  for (i = 0; i < ORDERS; i++) lengths[order[i]] = (uint16_t)(i < given ? bits(p, 3) : 0);
  make_codes(work + LITERAL_COUNTS, work + LITERAL_SYMBOLS, lengths, ORDERS);
  for (i = 0; i < literals + distances;) {
    const uint32_t read = symbol(p, work + LITERAL_COUNTS, work + LITERAL_SYMBOLS);
    uint16_t length = 0;
    uint32_t times = 1;
    if (read > 18 || p->ended) return TFPACK_DAMAGED;
    if (read < 16) {
      length = (uint16_t)read;
    } else if (read == 16) {
      if (i == 0) return TFPACK_DAMAGED;
      length = lengths[i - 1];
      times = 3 + bits(p, 2);
    } else {
      times = read == 17 ? 3 + bits(p, 3) : 11 + bits(p, 7);
    }
    if (times > literals + distances - i) return TFPACK_DAMAGED;
    while (times-- > 0) lengths[i++] = length;
  }
  make_codes(work + LITERAL_COUNTS, work + LITERAL_SYMBOLS, lengths, literals);
  make_codes(work + DISTANCE_COUNTS, work + DISTANCE_SYMBOLS, lengths + literals, distances);
  return TFPACK_OK;
}

static void fixed_codes(uint16_t *work) {
  uint16_t *lengths = work + LENGTHS;
  uint32_t i;
  for (i = 0; i < LITERALS; i++) lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
  make_codes(work + LITERAL_COUNTS, work + LITERAL_SYMBOLS, lengths, LITERALS);
  for (i = 0; i < DISTANCES; i++) lengths[i] = 5;
  make_codes(work + DISTANCE_COUNTS, work + DISTANCE_SYMBOLS, lengths, DISTANCES);
}

static tfpack_result coded_block(tfpack *p, const uint16_t *work) {
  for (;;) {
    uint32_t read = symbol(p, work + LITERAL_COUNTS, work + LITERAL_SYMBOLS), length, distance;
    if (read == 256) return TFPACK_OK;
    if (read < 256) {
      TRY(put(p, (uint8_t)read));
      continue;
    }
    if (read > 285) return TFPACK_DAMAGED;
    read -= 257;
    if (read == 28) {
      length = 258;
    } else if (read < 8) {
      length = read + 3;
    } else {
      const uint32_t extra = (read >> 2) - 1;
      length = 3 + ((4 + (read & 3)) << extra) + bits(p, extra);
    }
    read = symbol(p, work + DISTANCE_COUNTS, work + DISTANCE_SYMBOLS);
    if (read > 29) return TFPACK_DAMAGED;
    if (read < 4) {
      distance = read + 1;
    } else {
      const uint32_t extra = (read >> 1) - 1;
      distance = 1 + ((2 + (read & 1)) << extra) + bits(p, extra);
    }
    TRY(repeat(p, distance, length));
  }
}

static tfpack_result stored_block(tfpack *p) {
  uint32_t length, check;
  (void)bits(p, p->held & 7);
  length = bits(p, 16);
  check = bits(p, 16);
  if (length != (check ^ 0xFFFF)) return TFPACK_DAMAGED;
  while (length-- > 0) TRY(put(p, (uint8_t)bits(p, 8)));
  return TFPACK_OK;
}

static tfpack_result inflate(tfpack *p, uint16_t *work) {
  uint32_t last;
  p->bits = p->held = 0;
  do {
    last = bits(p, 1);
    switch (bits(p, 2)) {
      case 0:
        TRY(stored_block(p));
        break;
      case 1:
        fixed_codes(work);
        TRY(coded_block(p, work));
        break;
      case 2:
        TRY(read_codes(p, work));
        TRY(coded_block(p, work));
        break;
      default:
        return TFPACK_DAMAGED;
    }
    if (p->ended) return TFPACK_DAMAGED;
  } while (!last);
  return TFPACK_OK;
}

#endif

/* LZMA1, raw */

#ifndef TFPACK_WITHOUT_XZ

enum { STATES = 12, AFTER_LITERALS = 7, LENGTHS_HIGH = 16 * 8 * 2, SHORTEST = 2 };
/* places of probabilities in the working memory */
enum {
  CHOICE = 0,
  CHOICE_2 = 1,
  LOW = 2,
  MIDDLE = LOW + 16 * 8,
  HIGH = LOW + LENGTHS_HIGH,
  LENGTH_SIZE = HIGH + 256
};
enum {
  IS_MATCH = 0,
  IS_REPEAT = IS_MATCH + STATES * 16,
  IS_OLDER = IS_REPEAT + STATES,
  IS_THIRD = IS_OLDER + STATES,
  IS_FOURTH = IS_THIRD + STATES,
  IS_LONG = IS_FOURTH + STATES,
  SLOTS = IS_LONG + STATES * 16,
  NEAR = SLOTS + 4 * 64,
  ALIGN = NEAR + 115,
  MATCH_LENGTHS = ALIGN + 16,
  REPEAT_LENGTHS = MATCH_LENGTHS + LENGTH_SIZE,
  LITERAL = REPEAT_LENGTHS + LENGTH_SIZE
};

static void normalize(tfpack *p) {
  if (p->range < 1u << 24) {
    p->range <<= 8;
    p->value = p->value << 8 | next_byte(p);
  }
}

static uint32_t coded_bit(tfpack *p, uint16_t *probability) {
  uint32_t bound;
  normalize(p);
  bound = (p->range >> 11) * *probability;
  if (p->value < bound) {
    p->range = bound;
    *probability = (uint16_t)(*probability + ((2048 - *probability) >> 5));
    return 0;
  }
  p->range -= bound;
  p->value -= bound;
  *probability = (uint16_t)(*probability - (*probability >> 5));
  return 1;
}

/* A number of so many bits, the highest first. */
static uint32_t coded_number(tfpack *p, uint16_t *probabilities, uint32_t count) {
  uint32_t number = 1, i;
  for (i = 0; i < count; i++) number = number << 1 | coded_bit(p, probabilities + number);
  return number - (1u << count);
}

/* The same, the lowest first. */
static uint32_t reversed_number(tfpack *p, uint16_t *probabilities, uint32_t count) {
  uint32_t number = 1, value = 0, i;
  for (i = 0; i < count; i++) {
    const uint32_t bit = coded_bit(p, probabilities + number);
    number = number << 1 | bit;
    value |= bit << i;
  }
  return value;
}

static uint32_t match_length(tfpack *p, uint16_t *lengths, uint32_t place) {
  if (coded_bit(p, lengths + CHOICE) == 0) return SHORTEST + coded_number(p, lengths + LOW + (place << 3), 3);
  if (coded_bit(p, lengths + CHOICE_2) == 0) return SHORTEST + 8 + coded_number(p, lengths + MIDDLE + (place << 3), 3);
  return SHORTEST + 16 + coded_number(p, lengths + HIGH, 8);
}

/* A distance less 1; 0xFFFFFFFF marks the end. */
static uint32_t match_distance(tfpack *p, uint16_t *work, uint32_t length) {
  const uint32_t kind = length < SHORTEST + 4 ? length - SHORTEST : 3;
  const uint32_t slot = coded_number(p, work + SLOTS + (kind << 6), 6);
  uint32_t distance, extra, i;
  if (slot < 4) return slot;
  extra = (slot >> 1) - 1;
  distance = (2 | (slot & 1)) << extra;
  if (slot < 14) return distance + reversed_number(p, work + NEAR + distance - slot, extra);
  for (i = extra - 1; i >= 4; i--) {
    normalize(p);
    p->range >>= 1;
    if (p->value >= p->range) {
      p->value -= p->range;
      distance += 1u << i;
    }
  }
  return distance + reversed_number(p, work + ALIGN, 4);
}

static tfpack_result literal(tfpack *p, uint16_t *probabilities, uint32_t state, uint32_t distance) {
  uint32_t number = 1;
  if (state >= AFTER_LITERALS) {
    uint32_t expected = earlier(p, distance);
    do {
      const uint32_t bit = expected >> 7 & 1, read = coded_bit(p, probabilities + ((1 + bit) << 8) + number);
      expected <<= 1;
      number = number << 1 | read;
      if (bit != read) break;
    } while (number < 0x100);
  }
  while (number < 0x100) number = number << 1 | coded_bit(p, probabilities + number);
  return put(p, (uint8_t)number);
}

static tfpack_result unlzma(tfpack *p, uint16_t *work) {
  const uint32_t context = p->properties % 9, low = p->properties / 9 % 5, place_bits = p->properties / 45;
  uint32_t distances[4] = {1, 1, 1, 1}, state = 0, i;
  for (i = 0; i < LITERAL + (768u << (context + low)); i++) work[i] = 1024;
  if (next_byte(p) != 0) return TFPACK_DAMAGED;
  p->range = 0xFFFFFFFF;
  p->value = 0;
  for (i = 0; i < 4; i++) p->value = p->value << 8 | next_byte(p);
  while (p->position < p->size) {
    const uint32_t place = p->position & ((1u << place_bits) - 1), here = (state << 4) + place;
    uint32_t length;
    if (p->ended) return TFPACK_DAMAGED;
    if (coded_bit(p, work + IS_MATCH + here) == 0) {
      const uint32_t before = p->position > 0 ? earlier(p, 1) : 0;
      const uint32_t which = ((p->position & ((1u << low) - 1)) << context) + (before >> (8 - context));
      if (state >= AFTER_LITERALS && distances[0] > p->position) return TFPACK_DAMAGED;
      TRY(literal(p, work + LITERAL + 768 * which, state, distances[0]));
      state = state < 4 ? 0 : state < 10 ? state - 3 : state - 6;
      continue;
    }
    if (coded_bit(p, work + IS_REPEAT + state) == 0) {
      for (i = 3; i > 0; i--) distances[i] = distances[i - 1];
      length = match_length(p, work + MATCH_LENGTHS, place);
      distances[0] = match_distance(p, work, length) + 1;
      if (distances[0] == 0) return TFPACK_DAMAGED;
      state = state < AFTER_LITERALS ? 7 : 10;
    } else {
      uint32_t age = 0;
      if (coded_bit(p, work + IS_OLDER + state) != 0) {
        const uint32_t third = coded_bit(p, work + IS_THIRD + state);
        uint32_t distance;
        age = third == 0 ? 1 : 2 + coded_bit(p, work + IS_FOURTH + state);
        distance = distances[age];
        for (i = age; i > 0; i--) distances[i] = distances[i - 1];
        distances[0] = distance;
      }
      if (age == 0 && coded_bit(p, work + IS_LONG + here) == 0) {
        length = 1;
        state = state < AFTER_LITERALS ? 9 : 11;
      } else {
        length = match_length(p, work + REPEAT_LENGTHS, place);
        state = state < AFTER_LITERALS ? 8 : 11;
      }
    }
    TRY(repeat(p, distances[0], length));
  }
  return TFPACK_OK;
}

#endif

/* Context mixing, as in the lpaq family (Mahoney), in integers alone: native/mixed_coder.c writes by these very functions,
 * and mixed_model.py does the same in Python.
 *
 * A file is a row of segments: weights in rows and columns, or other bytes, which are said to have one column. Of each
 * byte it is coded first whether it is 0, and then its bits, the highest first. Each of four contexts finds a slot in
 * a table, where others may be, too: a probability in 12 bits, and in 4 bits how often it was met. A small neural
 * network mixes what the four say. Roundings are random, by the same numbers on both sides, so that few bits are enough. */

#ifndef TFPACK_WITHOUT_MIXED

#ifndef TFPACK_BIT
#define TFPACK_BIT(p, middle) ((p)->value <= (middle))
#define TFPACK_SHIFT(p) ((p)->value = (p)->value << 8 | next_byte(p))
#endif

enum { LEAST_MEMORY = 11, MOST_MEMORY = 15 }; /* logarithms of bytes */
enum { INPUTS = 4, HEADS = 256, LONGEST = 15, FIRST_WEIGHT = 2750, RANDOM_FIRST = 1 };
/* Sets of weights, and the numbers of the first context of each kind of bit. */
enum { IS_WEIGHT_SET = 0, WEIGHT_SET = 6, IS_BYTE_SET = 14, BYTE_SET = 18, SETS = 26 };
enum { IS_WEIGHT_CONTEXT = 0, WEIGHT_CONTEXT = 4, BYTE_CONTEXT = 8 };

typedef struct {
  int16_t *weights;
  uint16_t *heads, *slots; /* heads: where three bytes of a hash were last */
  uint8_t *counts;         /* how many weights of a column are not 0 */
  uint32_t slot_count, column_mask, random, contexts[INPUTS];
  uint32_t left, columns, near, far, column, row, run, last; /* of the segment */
  uint32_t expected, matched, distance;                      /* of bytes that are there once more */
} mixer;

static uint32_t at(const tfpack *p, uint32_t distance) {
  return distance - 1 < p->position ? earlier(p, distance) : 0;
}

/* A bit that is 1 with so many chances of 65,536. */
static uint32_t split(tfpack *p, uint32_t chances) {
  const uint32_t below = (p->range >> 16) * chances + ((p->range & 0xFFFF) * chances >> 16);
  const uint32_t bit = TFPACK_BIT(p, p->low + below);
  if (bit) {
    p->range = below;
  } else {
    p->low += below + 1;
    p->range -= below + 1;
  }
  while (((p->low ^ (p->low + p->range)) >> 24) == 0) {
    TFPACK_SHIFT(p);
    p->low <<= 8;
    p->range = p->range << 8 | 0xFF;
  }
  return bit;
}

/* A number of 1 or more: how many bits follow its highest, and these. */
static uint32_t plain_number(tfpack *p) {
  uint32_t length = 0, number = 1, i;
  for (i = 0; i < 5; i++) length = length << 1 | split(p, 0x8000);
  while (length-- > 0) number = number << 1 | split(p, 0x8000);
  return number;
}

/* The logarithm to base 2, in 256ths, of 1 to 65,535. */
static int32_t logarithm(uint32_t number) {
  int32_t whole = 15;
#ifdef __GNUC__
  const int32_t shift = __builtin_clz(number) - 16;
  whole -= shift;
  number <<= shift;
#else
  for (; number < 0x8000; number <<= 1) whole--;
#endif
  number = (number & 0x7FFF) >> 3;
  return whole * 256 + (int32_t)(number * (5501 - (number * 1405 >> 12)) >> 16);
}

/* Of 65,536, the chances with odds of so many 256ths of a doubling. */
static uint32_t chances_of(int32_t odds) {
  const uint32_t size = (uint32_t)(odds < 0 ? -odds : odds), part = size & 0xFF;
  uint32_t other = 0, chances;
  if (size < 12 * 256) other = (0x10000 - (part * (44013 - (part * 11246 >> 8)) >> 8)) >> (size >> 8);
  chances = 0xFFFFFFFF / (0x10000 + other);
  if (chances > 0xFFF0) chances = 0xFFF0;
  return odds < 0 ? 0x10000 - chances : chances;
}

static uint32_t random_bits(mixer *m, uint32_t count) {
  m->random = m->random * 1664525 + 1013904223;
  return m->random >> (32 - count);
}

/* A bit in the contexts, of those that have `node` in common; sets of weights learn the slower, the greater `slowness`. */
static uint32_t mixed_bit(tfpack *p, mixer *m, uint32_t node, uint32_t set, uint32_t slowness) {
  static const uint16_t rates[16] = {18204, 11703, 8623, 6827, 5650, 4819, 4201, 3724,
                                     3344,  3034,  2777, 2074, 1655, 1179, 915,  633};
  int16_t *weights = m->weights + INPUTS * set;
  uint16_t *slots[INPUTS];
  int32_t inputs[INPUTS], total = 0, error;
  uint32_t i, bit, chances;
  for (i = 0; i < INPUTS; i++) {
    uint32_t hash = m->contexts[i] + node * 0x9E3779B1u;
    hash = (hash ^ hash >> 15) * 0x85EBCA6Bu;
    slots[i] = m->slots + ((hash >> 16) * m->slot_count >> 16);
    chances = *slots[i] & 0xFFF0u;
    inputs[i] = logarithm(chances) - logarithm(0x10000 - chances);
    total += weights[i] * inputs[i];
  }
  chances = chances_of(total >> 13);
  bit = split(p, chances);
  error = (int32_t)(bit << 16) - (int32_t)chances;
  for (i = 0; i < INPUTS; i++) {
    const int32_t weight = weights[i] + ((inputs[i] * error + (int32_t)random_bits(m, slowness)) >> slowness);
    const uint32_t met = *slots[i] & 0xF, chance = random_bits(m, 8);
    int32_t slot = *slots[i] & 0xFFF0;
    weights[i] = (int16_t)(weight < -0x7FFF ? -0x7FFF : weight > 0x7FFF ? 0x7FFF : weight);
    slot += ((bit ? 0xFFFF : 0) - slot) * rates[met] >> 15;
    slot = (slot + (int32_t)(chance >> 4)) & ~0xF;
    if (slot < 0x10) slot = 0x10;
    if (slot > 0xFFF0) slot = 0xFFF0;
    *slots[i] = (uint16_t)((uint32_t)slot | (met + (met < 10 || (met < 15 && chance % (1u << (met / 2 - 3)) == 0))));
  }
  return bit;
}

static uint32_t mixed_byte(tfpack *p, mixer *m, uint32_t first_set) {
  uint32_t byte = 1, i;
  for (i = 0; i < 8; i++) byte = byte << 1 | mixed_bit(p, m, byte, first_set + i, 17);
  return byte & 0xFF;
}

static void set_context(mixer *m, uint32_t which, uint32_t number, uint32_t value) {
  m->contexts[which] = (value << 4 | (number + which)) * 0x2C1B3C6Du;
}

static uint32_t least(uint32_t one, uint32_t other) { return one < other ? one : other; }

static uint32_t bit_length(uint32_t number) {
  uint32_t length = 0;
  for (; number > 0; number >>= 1) length++;
  return length;
}

/* How many weights of a column are not 0 in the rows so far; 0 beside the matrix. */
static uint32_t count_in(const mixer *m, uint32_t column) {
  return column < m->columns ? m->counts[column & m->column_mask] : 0;
}

static uint32_t weight(tfpack *p, mixer *m) {
  const uint32_t column = m->column, count = count_in(m, column);
  const uint32_t depth = m->row < 4 ? m->row : bit_length(m->row) + 1;
  const uint32_t around = count_in(m, column - 1) + count_in(m, column + 1) + count_in(m, column - m->near) +
                          count_in(m, column - m->far) + count_in(m, column + m->near) + count_in(m, column + m->far);
  const uint32_t near = at(p, m->near), left = at(p, 1) != 0;
  const uint32_t known = left | (uint32_t)(at(p, m->columns) != 0) << 1 | (uint32_t)(near != 0) << 2 |
                         (uint32_t)(at(p, m->far) != 0) << 3 | (uint32_t)(at(p, 2) != 0) << 4;
  set_context(m, 0, IS_WEIGHT_CONTEXT, least(count, 12) << 8 | depth);
  set_context(m, 1, IS_WEIGHT_CONTEXT,
              known | (uint32_t)(at(p, m->columns - 1) != 0) << 5 | (uint32_t)(at(p, 2 * m->columns) != 0) << 6);
  set_context(m, 2, IS_WEIGHT_CONTEXT, bit_length(m->run) << 1 | left);
  set_context(m, 3, IS_WEIGHT_CONTEXT, known << 8 | least(count, 3) << 4 | least(around, 7));
  if (mixed_bit(p, m, 0, IS_WEIGHT_SET + least(count, 2) * 2 + (depth > 3), 18) == 0) {
    m->run++;
    return 0;
  }
  m->counts[column & m->column_mask] = (uint8_t)least(count + 1, 0xFF);
  m->run = 0;
  set_context(m, 0, WEIGHT_CONTEXT, 0);
  set_context(m, 1, WEIGHT_CONTEXT, m->row);
  set_context(m, 2, WEIGHT_CONTEXT, m->last >> 5);
  set_context(m, 3, WEIGHT_CONTEXT, near >> 5);
  return m->last = mixed_byte(p, m, WEIGHT_SET);
}

/* Looks for what is likely to come, since it came after the same bytes before. */
static void expect(tfpack *p, mixer *m) {
  uint16_t *head = m->heads + ((at(p, 1) | at(p, 2) << 8 | at(p, 3) << 16) * 0x9E3779B1u >> 24);
  if (m->matched > 0 && m->expected == at(p, 1)) {
    m->matched = least(m->matched + 1, LONGEST);
  } else {
    m->matched = 0;
    m->distance = (uint16_t)(p->position - *head);
    while (m->matched < LONGEST && at(p, m->distance + m->matched + 1) == at(p, m->matched + 1)) m->matched++;
  }
  *head = (uint16_t)p->position;
  m->expected = m->matched > 0 ? at(p, m->distance) : 0;
}

static uint32_t other_byte(tfpack *p, mixer *m) {
  const uint32_t place = p->position & 3;
  expect(p, m);
  set_context(m, 0, BYTE_CONTEXT, place);
  set_context(m, 1, BYTE_CONTEXT, at(p, 1) << 2 | place);
  set_context(m, 2, BYTE_CONTEXT, at(p, 4) << 2 | place);
  set_context(m, 3, BYTE_CONTEXT, m->expected << 4 | m->matched);
  return mixed_bit(p, m, 0, IS_BYTE_SET + place, 17) ? mixed_byte(p, m, BYTE_SET) : 0;
}

static void next_segment(tfpack *p, mixer *m) {
  uint32_t i;
  m->left = plain_number(p);
  m->columns = plain_number(p);
  m->row = m->column = m->run = m->last = 0;
  if (m->columns == 1) return;
  m->near = plain_number(p);
  m->far = plain_number(p);
  for (i = 0; i <= m->column_mask; i++) m->counts[i] = 0;
}

/* Begins with a working memory of so many bytes: for mixing 208, for heads 512, an eighth for counts, the rest for slots. */
static void begin_mixing(tfpack *p, mixer *m, uint16_t *work, uint32_t size) {
  uint32_t i;
  m->weights = (int16_t *)work;
  m->heads = work + INPUTS * SETS;
  m->counts = (uint8_t *)(m->heads + HEADS);
  m->column_mask = size / 8 - 1;
  m->slots = m->heads + HEADS + size / 16;
  m->slot_count = size / 2 - size / 16 - HEADS - INPUTS * SETS;
  for (i = 0; i < INPUTS * SETS; i++) m->weights[i] = FIRST_WEIGHT;
  for (i = 0; i < HEADS; i++) m->heads[i] = 0;
  for (i = 0; i < m->slot_count; i++) m->slots[i] = 0x8000;
  m->random = RANDOM_FIRST;
  m->left = m->expected = m->matched = m->distance = 0;
  p->low = 0;
  p->range = 0xFFFFFFFF;
  p->spare = 4;
  for (i = 0; i < 4; i++) TFPACK_SHIFT(p);
}

static tfpack_result mix(tfpack *p, mixer *m, uint32_t end) {
  while (p->position < end) {
    if (m->left == 0) next_segment(p, m);
    TRY(put(p, (uint8_t)(m->columns > 1 ? weight(p, m) : other_byte(p, m))));
    m->left--;
    if (++m->column == m->columns) {
      m->row++;
      m->column = m->run = m->last = 0;
    }
  }
  return TFPACK_OK;
}

static tfpack_result unmix(tfpack *p, uint16_t *work) {
  mixer m;
  begin_mixing(p, &m, work, p->work);
  return mix(p, &m, p->size);
}

#endif

/* SHA-256 (FIPS 180-4), of which a package holds the first four bytes */

static uint32_t turned(uint32_t word, uint32_t by) { return word >> by | word << (32 - by); }

static void digest_block(uint32_t *state, const uint8_t *block) {
  static const uint32_t factors[64] = {
      0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
      0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
      0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
      0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
      0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
      0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
      0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
      0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
  uint32_t words[16], now[8], i;
  for (i = 0; i < 8; i++) now[i] = state[i];
  for (i = 0; i < 64; i++) {
    uint32_t *word = &words[i & 15], first, second;
    if (i < 16) {
      *word = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 |
              block[4 * i + 3];
    } else {
      const uint32_t old = words[(i + 1) & 15], late = words[(i + 14) & 15];
      *word += (turned(old, 7) ^ turned(old, 18) ^ old >> 3) + words[(i + 9) & 15] +
               (turned(late, 17) ^ turned(late, 19) ^ late >> 10);
    }
    first = now[7] + (turned(now[4], 6) ^ turned(now[4], 11) ^ turned(now[4], 25)) +
            ((now[4] & now[5]) ^ (~now[4] & now[6])) + factors[i] + *word;
    second = (turned(now[0], 2) ^ turned(now[0], 13) ^ turned(now[0], 22)) +
             ((now[0] & now[1]) ^ (now[0] & now[2]) ^ (now[1] & now[2]));
    now[7] = now[6];
    now[6] = now[5];
    now[5] = now[4];
    now[4] = now[3] + first;
    now[3] = now[2];
    now[2] = now[1];
    now[1] = now[0];
    now[0] = first + second;
  }
  for (i = 0; i < 8; i++) state[i] += now[i];
}

/* The first four bytes of the digest, as a number. */
static uint32_t digest(const uint8_t *content, uint32_t size) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t last[64];
  uint32_t at, i, used;
  for (at = 0; size - at >= 64; at += 64) digest_block(state, content + at);
  used = size - at;
  for (i = 0; i < 64; i++) last[i] = i < used ? content[at + i] : i == used ? 0x80 : 0;
  if (used >= 56) {
    digest_block(state, last);
    for (i = 0; i < 64; i++) last[i] = 0;
  }
  for (i = 0; i < 5; i++) last[63 - i] = (uint8_t)(((uint64_t)size << 3) >> (8 * i));
  digest_block(state, last);
  return state[0];
}

/* Packages */

static tfpack_result read_header(tfpack *p) {
  static const uint8_t magic[3] = {'T', 'F', 'P'};
  uint32_t i, shift = 0;
  uint8_t byte;
  for (i = 0; i < 3; i++) {
    if (next_byte(p) != magic[i]) return TFPACK_NOT_A_PACKAGE;
  }
  p->coder = next_byte(p);
  if (p->ended || p->coder >= CODERS) return TFPACK_DAMAGED;
  p->size = 0;
  do {
    byte = next_byte(p);
    if (p->ended || shift > 56) return TFPACK_DAMAGED;
    if (shift > 28 ? byte & 0x7F : shift == 28 && (byte & 0x70) != 0) return TFPACK_NO_ROOM;
    if (shift <= 28) p->size |= (uint32_t)(byte & 0x7F) << shift;
    shift += 7;
  } while (byte & 0x80);
  for (i = 0; i < 4; i++) p->digest[i] = next_byte(p);
  if (p->ended) return TFPACK_DAMAGED;
  switch (p->coder) {
#ifndef TFPACK_WITHOUT_GZIP
    case GZIP:
      p->work = GZIP_WORK * sizeof(uint16_t);
      return TFPACK_OK;
#endif
#ifndef TFPACK_WITHOUT_XZ
    case XZ:
      p->properties = next_byte(p);
      if (p->ended || p->properties >= 225 || p->properties % 9 + p->properties / 9 % 5 > 4) return TFPACK_DAMAGED;
      p->work = (LITERAL + (768u << (p->properties % 9 + p->properties / 9 % 5))) * sizeof(uint16_t);
      return TFPACK_OK;
#endif
#ifndef TFPACK_WITHOUT_MIXED
    case MIXED:
      p->properties = next_byte(p);
      if (p->ended || p->properties < LEAST_MEMORY || p->properties > MOST_MEMORY) return TFPACK_DAMAGED;
      p->work = 1u << p->properties;
      return TFPACK_OK;
#endif
    default:
      return TFPACK_UNSUPPORTED;
  }
}

tfpack_result tfpack_open(tfpack *p, tfpack_read read, void *context) {
  p->read = read;
  p->context = context;
  p->next = p->end = p->chunk;
  p->ended = p->spare = 0;
  p->size = p->work = 0;
  return read_header(p);
}

tfpack_result tfpack_open_memory(tfpack *p, const void *content, size_t length) {
  p->read = NULL;
  p->context = NULL;
  p->next = content;
  p->end = p->next + length;
  p->ended = p->spare = 0;
  p->size = p->work = 0;
  return read_header(p);
}

static tfpack_result decoded(tfpack *p, size_t room, uint16_t *work, size_t work_size) {
  const uint8_t *d = p->digest;
  if (p->size > room) return TFPACK_NO_ROOM;
  if (p->work == 0 || p->work > work_size) return TFPACK_NO_WORK;
  p->position = p->page_start = 0;
  switch (p->coder) {
#ifndef TFPACK_WITHOUT_GZIP
    case GZIP:
      TRY(inflate(p, work));
      break;
#endif
#ifndef TFPACK_WITHOUT_XZ
    case XZ:
      TRY(unlzma(p, work));
      break;
#endif
#ifndef TFPACK_WITHOUT_MIXED
    case MIXED:
      TRY(unmix(p, work));
      break;
#endif
    default:
      return TFPACK_UNSUPPORTED;
  }
  if (p->position != p->size) return TFPACK_DAMAGED;
  TRY(flush(p));
  if (digest(p->written, p->size) != ((uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3])) {
    return TFPACK_DAMAGED;
  }
  return TFPACK_OK;
}

tfpack_result tfpack_unpack(tfpack *p, uint8_t *output, size_t room, uint16_t *work, size_t work_size) {
  p->output = output;
  p->written = output;
  p->program = NULL;
  return decoded(p, room, work, work_size);
}

tfpack_result tfpack_unpack_to_flash(tfpack *p, const uint8_t *mapped, size_t room, tfpack_program program,
                                     void *context, uint8_t *page, uint32_t page_size, uint16_t *work,
                                     size_t work_size) {
  if (program == NULL || page_size == 0) return TFPACK_WRITE_FAILED;
  p->output = NULL;
  p->written = mapped;
  p->program = program;
  p->program_context = context;
  p->page = page;
  p->page_size = page_size;
  return decoded(p, room, work, work_size);
}
