/* Many producers: a claim is a compare-exchange that takes only what fits; a mark holds the sequence that was published.
 *
 * disruptor/claims.py: claim_many, take_back, give_up, publish_many, published_upto. A producer may give a claim up: back where
 * nothing was claimed since, else marked -2 - sequence. With CRASHES the first claim of one producer is never published; what
 * it left is given up by whoever unblocks the ring (Sequencer.unblock). Without GIVES_UP nobody gives up.
 * Mutants: CLAIM_NOT_COMPARED, GATE_STORED_BLINDLY, MARK_WITHOUT_LAP, PUBLISHED_FIRST, STOPS_AT_GIVEN_UP, ONE_TOO_MANY,
 * GIVEN_UP_IS_PUBLISHED, SCAN_TOO_FAR, TAKEN_BACK_BLINDLY, FASTEST_COUNTS, NEVER_UNBLOCKED.
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LAST
#define LAST 5
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#define SLOT(q) ((q) % SLOTS)
#ifdef ONE_TOO_MANY
#define FITS(high, gate) ((high) - (gate) <= SLOTS + 1)
#else
#define FITS(high, gate) ((high) - (gate) <= SLOTS)
#endif

#if CONSUMERS == 2
#define LOWEST_IS_FURTHER(q) (at[0] != (q) && at[1] != (q))
#define ALL_AT(q) (at[0] == (q) && at[1] == (q))
#else
#define LOWEST_IS_FURTHER(q) (at[0] != (q))
#define ALL_AT(q) (at[0] == (q))
#endif

short claimed = -1, gate = -1;
short at[CONSUMERS] = -1;   /* the consumers' sequences, all gate */
short marks[SLOTS] = -1, holds[SLOTS] = -1;
bool writing[SLOTS];
byte reading[SLOTS];
short dead = -1;            /* a claim whose producer has died */
bool crashed;

proctype producer() {
	short before, high, seen, lowest, other;
again:
	before = claimed;
	if
	:: before >= LAST -> goto done
	:: else
	fi;
	high = before + 1;
	seen = gate;
	if
	:: FITS(high, seen)
	:: else ->
		lowest = at[0];
#if CONSUMERS == 2
		other = at[1];
#ifdef FASTEST_COUNTS
		if :: other > lowest -> lowest = other :: else fi;
#else
		if :: other < lowest -> lowest = other :: else fi;
#endif
#endif
		if
		:: !FITS(high, lowest) ->
			LOWEST_IS_FURTHER(lowest) || gate != seen || claimed != before;
			goto again
		:: else
		fi;
#ifdef GATE_STORED_BLINDLY
		gate = lowest;
#else
		if
		:: atomic { gate == seen -> gate = lowest }
		:: gate != seen -> goto again
		fi
#endif
	fi;
#ifdef CLAIM_NOT_COMPARED
	claimed = high;
#else
	if
	:: atomic { claimed == before -> claimed = high }
	:: claimed != before -> goto again
	fi;
#endif
	assert(high - gate <= SLOTS);
#ifdef CRASHES
	if
	:: atomic { !crashed -> crashed = true; dead = high }; goto done
	:: true
	fi;
#endif
#ifdef PUBLISHED_FIRST
	marks[SLOT(high)] = high;
#endif
	d_step { assert(!writing[SLOT(high)] && reading[SLOT(high)] == 0); writing[SLOT(high)] = true };
	d_step { holds[SLOT(high)] = high; writing[SLOT(high)] = false };
#ifdef GIVES_UP
	if
	:: true
	:: high < LAST ->
		d_step { holds[SLOT(high)] = -9 };
#ifdef TAKEN_BACK_BLINDLY
		claimed = high - 1;
		goto again
#else
		if
		:: atomic { claimed == high -> claimed = high - 1 }; goto again
		:: claimed != high
		fi;
#ifdef GIVEN_UP_IS_PUBLISHED
		marks[SLOT(high)] = high;
#else
		marks[SLOT(high)] = -2 - high;
#endif
		goto again
#endif
	fi;
#endif
#ifdef MARK_WITHOUT_LAP
	marks[SLOT(high)] = SLOT(high);
#else
	marks[SLOT(high)] = high;
#endif
	goto again;
done:
	skip
}

proctype consumer(byte me) {
	short following, available, mark;
	do
	:: at[me] == LAST -> break
	:: at[me] < LAST ->
		following = at[me] + 1;
		available = following;
		do                          /* published_upto */
		:: mark = marks[SLOT(available)];
			if
#ifdef STOPS_AT_GIVEN_UP
			:: mark == available -> available++
#else
			:: mark == available || mark == -2 - available -> available++
#endif
			:: else -> break
			fi
		od;
#ifndef SCAN_TOO_FAR
		available--;
#endif
		if
		:: available < following -> marks[SLOT(following)] != mark  /* waits for a change */
		:: else ->
			do
			:: following > available -> break
			:: else ->
				mark = marks[SLOT(following)];
				if
				:: mark >= 0 ->
					d_step { assert(!writing[SLOT(following)]); reading[SLOT(following)]++ };
					d_step { assert(holds[SLOT(following)] == following); reading[SLOT(following)]-- }
				:: else
				fi;
				following++
			od;
			at[me] = available
		fi
	od
}

#ifdef CRASHES
active proctype unblocks() {
	end: dead >= 0;
#ifndef NEVER_UNBLOCKED
	marks[SLOT(dead)] = -2 - dead
#else
	skip
#endif
}
#endif

init {
	byte i;
	atomic {
		for (i : 1 .. PRODUCERS) { run producer() }
		run consumer(0);
#if CONSUMERS == 2
		run consumer(1)
#endif
	}
}

ltl everything_is_consumed { <> [] ALL_AT(LAST) }
