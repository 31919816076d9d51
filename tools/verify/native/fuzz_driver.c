/* Gives libFuzzer's bytes to a compiled function, with memory that Python has laid out; see tools/verify/fuzz.py. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static char *region[64];
#include "mirrored.h"
#include "target.h" /* region_size, region_mirrored, REGIONS, IMAGE, target() */

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
