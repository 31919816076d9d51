/* Runs the loops of a topology, one pthread each, over the memory that Python has laid out; see tools/verify/race.py.

   race_driver IMAGE RESULT SECONDS

   Producers end by themselves; when every goal (a sequence) is reached, the others are halted. The memory is written to
   RESULT. Exit 0; 2: cannot start; 3: not finished within SECONDS; else what the sanitizer says. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct { const char *name; int (*enter)(int64_t *result); int64_t halt; int produces; } Loop;
typedef struct { int64_t word, value, other; } Goal; /* other: a word whose value is the goal, or -1 */
static char *region[64];
#include "mirrored.h"
#include "loops.h" /* region_size, region_mirrored, REGIONS, cells(), loops, LOOPS, goals, GOALS */

static int64_t results[LOOPS];
static int statuses[LOOPS];

static void *enter(void *number) {
    intptr_t at = (intptr_t)number;
    statuses[at] = loops[at].enter(&results[at]);
    return NULL;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static int64_t look(int64_t word) { return __atomic_load_n(&cell_words()[word], __ATOMIC_ACQUIRE); }

static int64_t wanted(Goal goal) { return goal.other < 0 ? goal.value : look(goal.other); }

static void read_image(const char *path) {
    FILE *in = fopen(path, "rb");
    int64_t head[3];
    if (!in) { perror(path); exit(2); }
    while (fread(head, sizeof head, 1, in) == 1)
        if (fread(region[head[0]] + head[1], 1, (size_t)head[2], in) != (size_t)head[2]) { fprintf(stderr, "short image\n"); exit(2); }
    fclose(in);
}

int main(int argc, char **argv) {
    pthread_t threads[LOOPS];
    if (argc != 4) { fprintf(stderr, "usage: race_driver IMAGE RESULT SECONDS\n"); return 2; }
    double end = now() + atof(argv[3]);
    for (int i = 0; i < REGIONS; i++) {
        region[i] = region_mirrored[i] ? mirrored((size_t)region_size[i]) : mmap(NULL, (size_t)region_size[i], PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (region[i] == MAP_FAILED) { perror("mmap"); return 2; }
    }
    read_image(argv[1]);
    for (intptr_t i = 0; i < LOOPS; i++)
        if (pthread_create(&threads[i], NULL, enter, (void *)i)) { perror("pthread_create"); return 2; }
    for (int i = 0; i < GOALS; i++)
        while (look(goals[i].word) < wanted(goals[i])) {
            if (now() > end) {
                for (int k = 0; k < GOALS; k++)
                    fprintf(stderr, "goal %d: word %lld is %lld of %lld\n", k, (long long)goals[k].word, (long long)look(goals[k].word),
                            (long long)wanted(goals[k]));
                _exit(3);
            }
            usleep(1000);
        }
    for (int i = 0; i < LOOPS; i++)
        if (!loops[i].produces) __atomic_store_n(&cell_words()[loops[i].halt], 1, __ATOMIC_RELEASE);
    for (int i = 0; i < LOOPS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < LOOPS; i++) {
        int64_t expected = loops[i].produces;  /* a producer's loop returns 1 when it has finished, a handler's 0 when halted */
        if (statuses[i] != 0 || results[i] != expected) {
            fprintf(stderr, "loop %s: status %d, result %lld\n", loops[i].name, statuses[i], (long long)results[i]);
            return 4;
        }
    }
    FILE *out = fopen(argv[2], "wb");
    if (!out) { perror(argv[2]); return 2; }
    for (int i = 0; i < REGIONS; i++)
        if (fwrite(region[i], 1, (size_t)region_size[i], out) != (size_t)region_size[i]) { perror("write"); return 2; }
    return fclose(out) ? 2 : 0;
}
