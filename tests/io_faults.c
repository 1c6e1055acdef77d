/* Fails one call, or all calls from one on, that open, write, sync, rename or make something in a watched folder.
 * Preloaded; the process that made the shared state in the file that IO_FAULTS names says which call, and how. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct state {
    int64_t count, target;
    int32_t number, lasting, hit, trace;
    char folder[PATH_MAX];
    char kind[16];
    char path[PATH_MAX];
    char trace_path[PATH_MAX];
};
static struct state *state;

#define REAL(result, name, ...)                                        \
    static result (*real_##name)(__VA_ARGS__);                         \
    if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("IO_FAULTS");
    if (!path) return;
    int (*open_)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int file = open_(path, O_RDWR);
    if (file < 0) return;
    void *shared = mmap(NULL, sizeof(struct state), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (shared != MAP_FAILED) state = shared;
}

static void absolute(int folder, const char *path, char *whole) {
    char link[64];
    ssize_t length = -1;
    if (path[0] == '/') { snprintf(whole, PATH_MAX, "%s", path); return; }
    if (folder == AT_FDCWD) { if (getcwd(whole, PATH_MAX)) length = strlen(whole); }
    else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, whole, PATH_MAX - 1);
    }
    if (length < 0) { whole[0] = 0; return; }
    snprintf(whole + length, PATH_MAX - length, "/%s", path);
}

/* Whether the call is to fail; sets errno. */
static int fails(const char *kind, int writes, const char *whole) {
    size_t length;
    if (!state || !(length = strlen(state->folder))) return 0;
    if (strncmp(whole, state->folder, length) || (whole[length] != '/' && whole[length])) return 0;
    int64_t place = __atomic_add_fetch(&state->count, 1, __ATOMIC_SEQ_CST);
    if (state->trace) {
        ssize_t (*write_)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
        int (*open_)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
        int file = open_(state->trace_path, O_WRONLY | O_APPEND | O_CREAT, 0600);
        char line[PATH_MAX + 64];
        int size = snprintf(line, sizeof line, "%s %s\n", kind, whole);
        if (file >= 0) { if (write_(file, line, size)) {} close(file); }
    }
    if (!state->target || !(place == state->target || (state->lasting && writes && place > state->target))) return 0;
    if (!__atomic_exchange_n(&state->hit, 1, __ATOMIC_SEQ_CST)) {
        snprintf(state->kind, sizeof state->kind, "%s", kind);
        snprintf(state->path, sizeof state->path, "%s", whole);
    }
    errno = state->number;
    return 1;
}

static int fails_at(const char *kind, int writes, int folder, const char *path) {
    char whole[PATH_MAX];
    int before = errno;
    if (!state || !path) return 0;
    absolute(folder, path, whole);
    errno = before;
    return fails(kind, writes, whole);
}

static int fails_on(const char *kind, int file) {
    char link[64], whole[PATH_MAX];
    int before = errno;
    if (!state) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, whole, PATH_MAX - 1);
    errno = before;
    if (length < 0) return 0;
    whole[length] = 0;
    return fails(kind, 1, whole);
}

#define OPENS(name)                                                                                        \
    int name(const char *path, int flags, ...) {                                                           \
        REAL(int, name, const char *, int, ...);                                                           \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);             \
        if (fails_at(flags & O_CREAT ? "create" : "open", flags & O_CREAT, AT_FDCWD, path)) return -1;     \
        return real_##name(path, flags, mode);                                                             \
    }
OPENS(open)
OPENS(open64)

#define OPENS_AT(name)                                                                                     \
    int name(int folder, const char *path, int flags, ...) {                                               \
        REAL(int, name, int, const char *, int, ...);                                                      \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest);             \
        if (fails_at(flags & O_CREAT ? "create" : "open", flags & O_CREAT, folder, path)) return -1;       \
        return real_##name(folder, path, flags, mode);                                                     \
    }
OPENS_AT(openat)
OPENS_AT(openat64)

#define OPENS_STREAM(name)                                                                                 \
    FILE *name(const char *path, const char *mode) {                                                       \
        REAL(FILE *, name, const char *, const char *);                                                    \
        if (fails_at(mode[0] == 'r' ? "open" : "create", mode[0] != 'r', AT_FDCWD, path)) return NULL;     \
        return real_##name(path, mode);                                                                    \
    }
OPENS_STREAM(fopen)
OPENS_STREAM(fopen64)

ssize_t write(int file, const void *content, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    return fails_on("write", file) ? -1 : real_write(file, content, size);
}
ssize_t writev(int file, const struct iovec *parts, int count) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    return fails_on("write", file) ? -1 : real_writev(file, parts, count);
}
ssize_t pwrite(int file, const void *content, size_t size, off_t place) {
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return fails_on("write", file) ? -1 : real_pwrite(file, content, size, place);
}
ssize_t pwrite64(int file, const void *content, size_t size, off64_t place) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return fails_on("write", file) ? -1 : real_pwrite64(file, content, size, place);
}
size_t fwrite(const void *content, size_t size, size_t count, FILE *stream) {
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    return fails_on("write", fileno(stream)) ? 0 : real_fwrite(content, size, count, stream);
}
ssize_t sendfile(int out, int in, off_t *place, size_t size) {
    REAL(ssize_t, sendfile, int, int, off_t *, size_t);
    return fails_on("write", out) ? -1 : real_sendfile(out, in, place, size);
}
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    return fails_on("write", out) ? -1 : real_copy_file_range(in, from, out, to, size, flags);
}
int fsync(int file) {
    REAL(int, fsync, int);
    return fails_on("fsync", file) ? -1 : real_fsync(file);
}
int fdatasync(int file) {
    REAL(int, fdatasync, int);
    return fails_on("fsync", file) ? -1 : real_fdatasync(file);
}
int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return fails_at("rename", 1, AT_FDCWD, to) ? -1 : real_rename(from, to);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return fails_at("rename", 1, to_folder, to) ? -1 : real_renameat(from_folder, from, to_folder, to);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return fails_at("mkdir", 1, AT_FDCWD, path) ? -1 : real_mkdir(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    REAL(int, mkdirat, int, const char *, mode_t);
    return fails_at("mkdir", 1, folder, path) ? -1 : real_mkdirat(folder, path, mode);
}
