/* Memory as that of disruptor.memory.mirrored, for programs that run compiled functions. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

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
