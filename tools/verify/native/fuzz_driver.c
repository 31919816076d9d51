/* Gives libFuzzer's bytes to a compiled function, with memory that Python has laid out; see tools/verify/fuzz.py. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *region[64];
#include "target.h" /* region_size, region_mirrored, REGIONS, IMAGE, target() */

/* Memory of half the size, mapped twice, with pages on both sides that nobody may touch. */
static char *mirrored(size_t size) {
    size_t half = size / 2, page = 4096;
    int file = memfd_create("mirrored", 0);
    char *place = mmap(NULL, size + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (file < 0 || ftruncate(file, (off_t)half) || place == MAP_FAILED) { perror("mirrored"); exit(2); }
    for (int i = 0; i < 2; i++)
        if (mmap(place + page + (size_t)i * half, half, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) == MAP_FAILED) {
            perror("mirrored");
            exit(2);
        }
    return place + page;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    int64_t head[3];
    FILE *in = fopen(IMAGE, "rb");
    (void)argc, (void)argv;
    if (!in) { perror(IMAGE); exit(2); }
    for (int i = 0; i < REGIONS; i++) {
        if (region_mirrored[i]) region[i] = mirrored((size_t)region_size[i]);
        else if (posix_memalign((void **)&region[i], 128, (size_t)region_size[i])) exit(2);
        else memset(region[i], 0, (size_t)region_size[i]);
    }
    while (fread(head, sizeof head, 1, in) == 1)
        if (fread(region[head[0]] + head[1], 1, (size_t)head[2], in) != (size_t)head[2]) { fprintf(stderr, "short image\n"); exit(2); }
    fclose(in);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t broken = 0;
    int status = target(&broken, (void *)data, (long long)size);
    if (status != 0 || broken != 0) {
        fprintf(stderr, "PROMISE BROKEN: status %d, number %lld\n", status, (long long)broken);
        abort();
    }
    return 0;
}
