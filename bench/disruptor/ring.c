/* The reference in C11: what this machine can do. Compiled on the spot by c_ring.py, called through ctypes.
 *
 * Records of one cache line, eight words written and summed; cursors 128 bytes apart; acquire and release only; one
 * pinned thread per role. Every function returns the nanoseconds (or -1 when a thread could not be had) and checks
 * nothing: the sums go back to the caller. Word k of record s is seed + s + k.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
static inline int64_t ticks(void) { return (int64_t)__rdtsc(); } /* as llvm.readcyclecounter: no fence, no rdtscp */
static inline void relax(void) { _mm_pause(); }
#else
static inline int64_t ticks(void) { int64_t t; __asm__ volatile("mrs %0, cntvct_el0" : "=r"(t)); return t; }
static inline void relax(void) { __asm__ volatile("yield"); }
#endif

#define WORDS 8
#define SPINS_BEFORE_YIELD 100

typedef struct { _Alignas(64) int64_t word[WORDS]; } record;
typedef struct { _Alignas(128) _Atomic int64_t value; char pad[120]; } cell;

typedef struct {
    record *records;
    int64_t mask;
    cell published; /* highest sequence that may be read; written by the producer */
    cell consumed;  /* highest sequence that is free again; written by the consumer */
    cell claimed;   /* many producers: next sequence to claim */
    _Atomic int32_t *laps; /* many producers: the lap for which a slot was last published */
} ring;

typedef struct {
    ring *in, *out;
    int64_t count, batch, seed, sum;
    int64_t *samples;
    int cpu, shared_core;
    pthread_barrier_t *start;
    struct timespec begin, end;
} role;

static inline int64_t get(cell *c) { return atomic_load_explicit(&c->value, memory_order_acquire); }
static inline void set(cell *c, int64_t v) { atomic_store_explicit(&c->value, v, memory_order_release); }

static inline void write_record(record *r, int64_t value) {
    for (int k = 0; k < WORDS; k++) r->word[k] = value + k;
}

static inline int64_t sum_of(const record *r) {
    int64_t sum = 0;
    for (int k = 0; k < WORDS; k++) sum += r->word[k];
    return sum;
}

static inline void wait_a_little(int *spins, int shared_core) {
    if (shared_core && ++*spins > SPINS_BEFORE_YIELD) sched_yield();
    else relax();
}

/* All roles are there: from here on the clock runs. */
static inline void meet(role *me) {
    pthread_barrier_wait(me->start);
    clock_gettime(CLOCK_MONOTONIC, &me->begin);
}

static int64_t between(const struct timespec *a, const struct timespec *b) {
    return (b->tv_sec - a->tv_sec) * 1000000000LL + (b->tv_nsec - a->tv_nsec);
}

/* ahead : how many records before its turn a record's line is asked for to be written; 0 never. */
static inline __attribute__((always_inline)) void *produce_with(role *me, const int64_t ahead) {
    ring *r = me->out;
    const int64_t count = me->count, batch = me->batch, seed = me->seed, mask = r->mask, slots = mask + 1;
    record *records = r->records;
    int64_t gate = -1;
    meet(me);
    for (int64_t next = 0; next < count; next += batch) {
        while (next + batch - 1 - gate > slots) {
            gate = get(&r->consumed);
            if (next + batch - 1 - gate > slots) relax();
        }
        for (int64_t s = next; s < next + batch; s++) {
            if (ahead) __builtin_prefetch(&records[(s + ahead) & mask], 1, 3);
            write_record(&records[s & mask], seed + s);
        }
        set(&r->published, next + batch - 1);
    }
    return NULL;
}

static void *produce(void *argument) { return produce_with(argument, 0); }
static void *produce_ahead(void *argument) { return produce_with(argument, 16); }

static void *consume(void *argument) {
    role *me = argument;
    ring *r = me->in;
    const int64_t count = me->count, mask = r->mask;
    const record *records = r->records;
    int64_t next = 0, sum = 0;
    meet(me);
    while (next < count) {
        int64_t available = get(&r->published);
        if (available < next) { relax(); continue; }
        for (; next <= available; next++) sum += sum_of(&records[next & mask]);
        set(&r->consumed, available);
    }
    clock_gettime(CLOCK_MONOTONIC, &me->end);
    me->sum = sum;
    return NULL;
}

/* Many producers: a counter hands out sequences, a lap number per slot says that it is published (LMAX's way). */
static void *produce_shared(void *argument) {
    role *me = argument;
    ring *r = me->out;
    const int64_t mask = r->mask, slots = mask + 1, batch = me->batch;
    int64_t gate = -1;
    int shift = __builtin_ctzll((uint64_t)slots), spins = 0;
    meet(me);
    for (int64_t made = 0; made < me->count; made += batch) {
        int64_t next = atomic_fetch_add_explicit(&r->claimed.value, batch, memory_order_seq_cst);
        while (next + batch - 1 - gate > slots) {
            gate = get(&r->consumed);
            if (next + batch - 1 - gate > slots) wait_a_little(&spins, me->shared_core);
        }
        spins = 0;
        for (int64_t s = next; s < next + batch; s++) {
            write_record(&r->records[s & mask], me->seed + s);
            atomic_store_explicit(&r->laps[s & mask], (int32_t)(s >> shift), memory_order_release);
        }
    }
    return NULL;
}

static void *consume_shared(void *argument) {
    role *me = argument;
    ring *r = me->in;
    const int64_t mask = r->mask;
    int64_t next = 0, sum = 0;
    int shift = __builtin_ctzll((uint64_t)(mask + 1)), spins = 0;
    meet(me);
    while (next < me->count) {
        int64_t before = next;
        while (next < me->count &&
               atomic_load_explicit(&r->laps[next & mask], memory_order_acquire) == (int32_t)(next >> shift)) {
            sum += sum_of(&r->records[next & mask]);
            next++;
        }
        if (next > before) { set(&r->consumed, next - 1); spins = 0; }
        else wait_a_little(&spins, me->shared_core);
    }
    clock_gettime(CLOCK_MONOTONIC, &me->end);
    me->sum = sum;
    return NULL;
}

/* Round trip: the record and a cursor, one line each. */
static void *ping(void *argument) {
    role *me = argument;
    int64_t sum = 0;
    meet(me);
    for (int64_t s = 0; s < me->count; s++) {
        int64_t before = ticks();
        write_record(&me->out->records[s & me->out->mask], me->seed + s);
        set(&me->out->published, s);
        while (get(&me->in->published) < s) relax();
        sum += sum_of(&me->in->records[s & me->in->mask]);
        me->samples[s] = ticks() - before;
    }
    clock_gettime(CLOCK_MONOTONIC, &me->end);
    me->sum = sum;
    return NULL;
}

static void *pong(void *argument) {
    role *me = argument;
    meet(me);
    for (int64_t s = 0; s < me->count; s++) {
        while (get(&me->in->published) < s) relax();
        record *in = &me->in->records[s & me->in->mask], *out = &me->out->records[s & me->out->mask];
        for (int k = 0; k < WORDS; k++) out->word[k] = in->word[k];
        set(&me->out->published, s);
    }
    return NULL;
}

/* Round trip with the sequence in the record's own line: seven words of data, the eighth is the sequence + 1. */
static inline _Atomic int64_t *stamp_of(record *r) { return (_Atomic int64_t *)&r->word[WORDS - 1]; }

static void *ping_one_line(void *argument) {
    role *me = argument;
    int64_t sum = 0;
    meet(me);
    for (int64_t s = 0; s < me->count; s++) {
        int64_t before = ticks();
        record *out = &me->out->records[s & me->out->mask], *in = &me->in->records[s & me->in->mask];
        for (int k = 0; k < WORDS - 1; k++) out->word[k] = me->seed + s + k;
        atomic_store_explicit(stamp_of(out), s + 1, memory_order_release);
        while (atomic_load_explicit(stamp_of(in), memory_order_acquire) != s + 1) relax();
        for (int k = 0; k < WORDS - 1; k++) sum += in->word[k];
        me->samples[s] = ticks() - before;
    }
    clock_gettime(CLOCK_MONOTONIC, &me->end);
    me->sum = sum;
    return NULL;
}

static void *pong_one_line(void *argument) {
    role *me = argument;
    meet(me);
    for (int64_t s = 0; s < me->count; s++) {
        record *in = &me->in->records[s & me->in->mask], *out = &me->out->records[s & me->out->mask];
        while (atomic_load_explicit(stamp_of(in), memory_order_acquire) != s + 1) relax();
        for (int k = 0; k < WORDS - 1; k++) out->word[k] = in->word[k];
        atomic_store_explicit(stamp_of(out), s + 1, memory_order_release);
    }
    return NULL;
}

static int open_ring(ring *r, int64_t slots) {
    memset(r, 0, sizeof *r);
    r->mask = slots - 1;
    r->records = aligned_alloc(4096, (size_t)slots * sizeof(record) < 4096 ? 4096 : (size_t)slots * sizeof(record));
    r->laps = malloc((size_t)slots * sizeof(int32_t));
    if (!r->records || !r->laps) return -1;
    memset(r->records, 0, (size_t)slots * sizeof(record));
    for (int64_t i = 0; i < slots; i++) atomic_init(&r->laps[i], -1);
    set(&r->published, -1);
    set(&r->consumed, -1);
    return 0;
}

static void close_ring(ring *r) { free(r->records); free((void *)r->laps); }

typedef void *(*work)(void *);

/* Run the roles, each on a pinned thread; return the nanoseconds from the first role's start to the end of the last role. */
static int64_t run(role *roles, work *works, int threads) {
    pthread_t ids[8];
    pthread_barrier_t start;
    pthread_barrier_init(&start, NULL, (unsigned)threads);
    for (int i = 0; i < threads; i++) {
        pthread_attr_t attributes;
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET(roles[i].cpu, &cpus);
        roles[i].start = &start;
        pthread_attr_init(&attributes);
        if (pthread_attr_setaffinity_np(&attributes, sizeof cpus, &cpus)) return -1;
        if (pthread_create(&ids[i], &attributes, works[i], &roles[i])) return -1;
        pthread_attr_destroy(&attributes);
    }
    for (int i = 0; i < threads; i++) pthread_join(ids[i], NULL);
    pthread_barrier_destroy(&start);
    int64_t longest = 0;
    for (int i = 0; i < threads; i++) {
        int64_t ns = between(&roles[i].begin, &roles[threads - 1].end);
        if (ns > longest) longest = ns;
    }
    return longest;
}

static int64_t one_to_one_by(work producer, int64_t slots, int64_t batch, int64_t count, int64_t seed, const int *cpus,
                             int64_t *sum) {
    ring r;
    if (open_ring(&r, slots)) return -1;
    role roles[2] = {{.out = &r, .count = count, .batch = batch, .seed = seed, .cpu = cpus[0]},
                     {.in = &r, .count = count, .cpu = cpus[1]}};
    work works[2] = {producer, consume};
    int64_t ns = run(roles, works, 2);
    *sum = roles[1].sum;
    close_ring(&r);
    return ns;
}

int64_t one_to_one(int64_t slots, int64_t batch, int64_t count, int64_t seed, const int *cpus, int64_t *sum) {
    return one_to_one_by(produce, slots, batch, count, seed, cpus, sum);
}

int64_t one_to_one_ahead(int64_t slots, int64_t batch, int64_t count, int64_t seed, const int *cpus, int64_t *sum) {
    return one_to_one_by(produce_ahead, slots, batch, count, seed, cpus, sum);
}

int64_t three_to_one(int64_t slots, int64_t batch, int64_t count, int64_t seed, const int *cpus, int64_t *sum) {
    ring r;
    if (open_ring(&r, slots)) return -1;
    role roles[4];
    work works[4] = {produce_shared, produce_shared, produce_shared, consume_shared};
    for (int i = 0; i < 4; i++)
        roles[i] = (role){.in = &r, .out = &r, .count = i < 3 ? count / 3 : count, .batch = batch, .seed = seed,
                          .cpu = cpus[i], .shared_core = 1};
    int64_t ns = run(roles, works, 4);
    *sum = roles[3].sum;
    close_ring(&r);
    return ns;
}

int64_t round_trip(int64_t slots, int64_t one_line, int64_t count, int64_t seed, const int *cpus, int64_t *sum,
                   int64_t *samples) {
    ring there, back;
    if (open_ring(&there, slots) || open_ring(&back, slots)) return -1;
    role roles[2] = {{.in = &there, .out = &back, .count = count, .cpu = cpus[1]},
                     {.in = &back, .out = &there, .count = count, .seed = seed, .cpu = cpus[0], .samples = samples}};
    work works[2] = {one_line ? pong_one_line : pong, one_line ? ping_one_line : ping};
    int64_t ns = run(roles, works, 2);
    *sum = roles[1].sum;
    close_ring(&there);
    close_ring(&back);
    return ns;
}
