/* The waits that park, on a machine with a store buffer per thread (x86-64's TSO): no wake-up is lost.
 *
 * disruptor/waiting.py: _parking, wake; disruptor/lookout.py: the turns of a loop between two calls of idle_turn. A ring of
 * SLOTS slots: the consumers sleep on IDLE until something is published, the producer on PROGRESS until a consumer is further.
 * PHASED: any number of turns without sleeping before each sleep (phased backoff; blocking spins the same way).
 * A sleep has no time limit here, so that a lost wake-up is an end state that is none. Stores wait in a FIFO; a fence, a
 * read-modify-write and a system call empty it.
 * Mutants: SLEEPER_WITHOUT_FENCE, WAKER_WITHOUT_FENCE, TICKET_AFTER, FUTEX_UNCHANGED, WAKES_FIRST, NO_SECOND_LOOK.
 */
#ifndef SLOTS
#define SLOTS 1
#endif
#ifndef LAST
#define LAST 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 1
#endif
#define THREADS (1 + CONSUMERS)
#define DEPTH 3
/* words */
#define CURSOR 0
#define IDLE 1
#define PROGRESS 2
#define AT 3                       /* AT + consumer */
#define WORDS (AT + CONSUMERS)

short memory[WORDS];               /* CURSOR and AT hold sequence + 1 */
byte futex[3];                     /* of IDLE and PROGRESS; only changed by read-modify-writes */
bool asleep[THREADS];              /* by thread */
byte sleeps_on[THREADS];
typedef Buffer { byte word[DEPTH]; short value[DEPTH]; byte count };
Buffer buffers[THREADS];

inline store(t, w, v) {
	atomic {
		buffers[t].count < DEPTH ->
		buffers[t].word[buffers[t].count] = w; buffers[t].value[buffers[t].count] = v; buffers[t].count++
	}
}

inline load(t, w, target) {
	d_step {
		target = memory[w];
		i = 0;
		do
		:: i < buffers[t].count -> if :: buffers[t].word[i] == w -> target = buffers[t].value[i] :: else fi; i++
		:: else -> break
		od;
		i = 0
	}
}

inline fence(t) { buffers[t].count == 0 }

proctype drains(byte t) {
	end: do
	:: d_step {
		buffers[t].count > 0 ->
		memory[buffers[t].word[0]] = buffers[t].value[0];
		buffers[t].word[0] = buffers[t].word[1]; buffers[t].value[0] = buffers[t].value[1];
		buffers[t].word[1] = buffers[t].word[2]; buffers[t].value[1] = buffers[t].value[2];
		buffers[t].word[2] = 0; buffers[t].value[2] = 0;
		buffers[t].count--
	}
	od
}

inline wake(t, cell) {
#ifndef WAKER_WITHOUT_FENCE
	fence(t);
#endif
	load(t, cell, found);
	if
	:: found != 0 ->
		store(t, cell, 0);
#ifndef FUTEX_UNCHANGED
		atomic { buffers[t].count == 0 -> futex[cell]++ };
#endif
		atomic {
			buffers[t].count == 0 ->
			i = 0;
			do
			:: i < THREADS -> if :: asleep[i] && sleeps_on[i] == cell -> asleep[i] = false :: else fi; i++
			:: else -> break
			od;
			i = 0
		}
	:: else
	fi
}

/* the look that the loop does between announcement and sleep is at `again` */
inline announce(t, cell) {
#ifdef TICKET_AFTER
	store(t, cell, 1);
	fence(t);
	ticket = futex[cell];
#else
	ticket = futex[cell];
	store(t, cell, 1);
#ifndef SLEEPER_WITHOUT_FENCE
	fence(t);
#endif
#endif
}

inline sleep(t, cell) {
	atomic {
		buffers[t].count == 0 ->
		if :: futex[cell] == ticket -> asleep[t] = true; sleeps_on[t] = cell :: else fi
	};
	!asleep[t]
}

proctype producer() {
	short claimed = 0, found = 0, lowest = 0;
	byte i = 0, ticket = 0, c = 0;
	bool announced = false;
again:
	if :: claimed == LAST + 1 -> goto done :: else fi;
look:
	load(0, AT, lowest);
#if CONSUMERS == 2
	load(0, AT + 1, found);
	if :: found < lowest -> lowest = found :: else fi;
#endif
	if
	:: claimed + 1 - lowest > SLOTS ->
		if
		:: !announced ->
#ifdef PHASED
			if :: goto look :: true fi;
#endif
			announce(0, PROGRESS);
#ifdef NO_SECOND_LOOK
			sleep(0, PROGRESS)
#else
			announced = true
#endif
		:: else -> sleep(0, PROGRESS); announced = false
		fi;
		goto look
	:: else
	fi;
	announced = false;
	claimed++;
#ifdef WAKES_FIRST
	wake(0, IDLE);
	store(0, CURSOR, claimed);
#else
	store(0, CURSOR, claimed);
	wake(0, IDLE);
#endif
	goto again;
done:
	skip
}

proctype consumer(byte t) {
	short done = 0, found = 0, cursor = 0;
	byte i = 0, ticket = 0;
	bool announced = false;
again:
	if :: done == LAST + 1 -> goto over :: else fi;
look:
	load(t, CURSOR, cursor);
	if
	:: cursor <= done ->
		if
		:: !announced ->
#ifdef PHASED
			if :: goto look :: true fi;
#endif
			announce(t, IDLE);
#ifdef NO_SECOND_LOOK
			sleep(t, IDLE)
#else
			announced = true
#endif
		:: else -> sleep(t, IDLE); announced = false
		fi;
		goto look
	:: else
	fi;
	announced = false;
	done = cursor;
#ifdef WAKES_FIRST
	wake(t, PROGRESS);
	store(t, AT + t - 1, done);
#else
	store(t, AT + t - 1, done);
	wake(t, PROGRESS);
#endif
	goto again;
over:
	skip
}

init {
	atomic {
		run producer(); run drains(0);
		run consumer(1); run drains(1);
#if CONSUMERS == 2
		run consumer(2); run drains(2)
#endif
	}
}

#define READ(c) (memory[AT + (c)] == LAST + 1)
#if CONSUMERS == 2
ltl everything_is_consumed { <> [] (READ(0) && READ(1)) }
#else
ltl everything_is_consumed { <> [] READ(0) }
#endif
