/* One producer with batch claims and a cached gate; first reads behind it, second reads behind first and gates the producer.
 *
 * disruptor/claims.py: claim_one, publish_one, published_upto. One step is one access to what threads share; a record is
 * written and read between two steps, so that an overlap is seen.
 * Mutants: GATE_ONE_TOO_FAR, PUBLISHED_FIRST, BESIDE_THE_OTHER, GATE_NEVER_LOOKED_UP, FREED_FIRST, FIRST_GATES, HALF_A_BATCH.
 */
#ifndef SLOTS
#define SLOTS 4
#endif
#ifndef LAST
#define LAST 11
#endif
#define SLOT(q) ((q) % SLOTS)
#ifdef GATE_ONE_TOO_FAR
#define FITS(high, gate) ((high) - (gate) <= SLOTS + 1)
#else
#define FITS(high, gate) ((high) - (gate) <= SLOTS)
#endif
#ifdef FIRST_GATES
#define GATING first_at
#else
#define GATING second_at
#endif
#ifdef BESIDE_THE_OTHER
#define BEFORE_SECOND cursor
#else
#define BEFORE_SECOND first_at
#endif

short cursor = -1, first_at = -1, second_at = -1;
short holds[SLOTS] = -1;
bool writing[SLOTS];
byte reading[SLOTS];

active proctype producer() {
	short claimed = -1, gate = -1, high, q;
	do
	:: claimed == LAST -> break
	:: claimed < LAST ->
		if
		:: high = claimed + 1
		:: claimed + 2 <= LAST -> high = claimed + 2
		fi;
		do
		:: FITS(high, gate) -> break
		:: !FITS(high, gate) ->
#ifdef GATE_NEVER_LOOKED_UP
			(false)
#else
			GATING != gate -> gate = GATING
#endif
		od;
#ifdef PUBLISHED_FIRST
		cursor = high;
#endif
		q = claimed + 1;
		do
		:: q > high -> break
		:: else ->
			d_step { assert(reading[SLOT(q)] == 0); writing[SLOT(q)] = true };
			d_step { holds[SLOT(q)] = q; writing[SLOT(q)] = false };
			q++
		od;
#ifdef HALF_A_BATCH
		cursor = claimed + 1;
#else
		cursor = high;
#endif
		claimed = high
	od
}

inline consume(at, before) {
	do
	:: at == LAST -> break
	:: at < LAST ->
		before > at -> available = before;
#ifdef FREED_FIRST
		following = at + 1; at = available;
#else
		following = at + 1;
#endif
		do
		:: following > available -> break
		:: else ->
			d_step { assert(!writing[SLOT(following)]); reading[SLOT(following)]++ };
			d_step { assert(holds[SLOT(following)] == following); reading[SLOT(following)]-- };
			following++
		od;
#ifndef FREED_FIRST
		at = available
#endif
	od
}

active proctype first() {
	short available, following;
	consume(first_at, cursor)
}

active proctype second() {
	short available, following;
	consume(second_at, BEFORE_SECOND)
}

ltl everything_is_consumed { <> [] (second_at == LAST) }
