/* Unpacks .tfpack files on a device: C99, no malloc, no recursion, a stack of a few hundred bytes.
 *
 *     tfpack package;
 *     uint16_t work[TFPACK_WORK / 2];
 *     if (tfpack_open(&package, read_flash, &where) == TFPACK_OK && package.size <= sizeof model)
 *         result = tfpack_unpack(&package, model, sizeof model, work, sizeof work);
 *
 * It reads the coders gzip (Deflate), xz (LZMA1) and mixed (context mixing). A package of another coder is refused with
 * TFPACK_UNSUPPORTED. To leave some of them out, define TFPACK_WITHOUT_GZIP, TFPACK_WITHOUT_XZ or TFPACK_WITHOUT_MIXED
 * when you compile tfpack.c.
 */
#ifndef TFPACK_H
#define TFPACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of working memory that are enough for every package; tfpack.work says what one package needs. */
#define TFPACK_WORK 32768

typedef enum {
  TFPACK_OK = 0,
  TFPACK_NOT_A_PACKAGE = 1, /* it does not begin as a package does */
  TFPACK_DAMAGED = 2,       /* cut or changed; what was written so far means nothing */
  TFPACK_UNSUPPORTED = 3,   /* of a coder that is not in this file */
  TFPACK_NO_ROOM = 4,       /* the output is too small for the file */
  TFPACK_NO_WORK = 5,       /* the working memory is too small */
  TFPACK_WRITE_FAILED = 6   /* `program` did not return 0 */
} tfpack_result;

/* Reads the next bytes of a package: at most so many. Returns how many there were, and 0 at the end. */
typedef size_t (*tfpack_read)(void *context, uint8_t *into, size_t most);

/* Writes a page to flash, at so many bytes after the output's beginning. Returns 0 if that went well. Every page but the
 * last is whole. */
typedef int (*tfpack_program)(void *context, uint32_t offset, const uint8_t *page, uint32_t length);

/* A package that is read; `tfpack_open` fills it in. */
typedef struct {
  uint32_t size; /* bytes of the file in it */
  uint32_t work; /* bytes of working memory that unpacking it needs */
  uint8_t coder; /* 0 gzip, 1 brotli, 2 zstd, 3 xz, 4 model, 5 mixed */

  /* what follows is for tfpack.c alone */
  uint8_t digest[4], properties;
  uint8_t ended, spare; /* bytes that were missing at the end, and how many may be */
  tfpack_read read;
  void *context;
  const uint8_t *next, *end;
  uint8_t chunk[64];
  uint32_t bits, held;        /* of Deflate: bits that were read, and their number */
  uint32_t low, range, value; /* of LZMA1 and context mixing */
  uint8_t *output;        /* in memory; NULL for flash */
  const uint8_t *written; /* where it can be read */
  uint32_t position;
  tfpack_program program;
  void *program_context;
  uint8_t *page;
  uint32_t page_size, page_start;
} tfpack;

/* Reads the header of a package, piece by piece: its sizes and its coder. */
tfpack_result tfpack_open(tfpack *package, tfpack_read read, void *context);

/* The same of a package that lies in memory as a whole. */
tfpack_result tfpack_open_memory(tfpack *package, const void *content, size_t length);

/* Writes the file to memory. The working memory may be used for anything afterwards. */
tfpack_result tfpack_unpack(tfpack *package, uint8_t *output, size_t room, uint16_t *work, size_t work_size);

/* Writes the file to flash, page by page. `mapped` is where the flash can be read: the file is read back from there,
 * since later parts repeat earlier ones, and in the end all of it, to be checked. `page` has room for `page_size` bytes. */
tfpack_result tfpack_unpack_to_flash(tfpack *package, const uint8_t *mapped, size_t room, tfpack_program program,
                                     void *context, uint8_t *page, uint32_t page_size, uint16_t *work,
                                     size_t work_size);

#ifdef __cplusplus
}
#endif

#endif
