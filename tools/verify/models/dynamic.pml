/* Consumers come and go while the producer runs: the table of gates with holes, and where a newcomer stands.
 *
 * disruptor/gating.py: add_gate, remove_gate, lowest_gate; disruptor/sequencer.py: add_gating_sequences (one at a time, under a
 * lock). Without any consumer nothing holds the producer back: the lowest gate is what is published. A newcomer stands at what
 * is published, enters the table, and stands there anew; then it reads as the producer may overwrite only behind it.
 * With one producer nothing depends on its second load of the table's head, which is left out. Nor does it matter whether
 * the entry or the count is stored first, for the newcomer looks where it stands after both.
 * Mutants: PLACED_ONCE, LAST_MOVES_INTO_THE_HOLE, NEWEST_FORGOTTEN, STAYS_IN_THE_TABLE, GATE_ONE_TOO_FAR.
 */
#ifndef SLOTS
#define SLOTS 2
#endif
#ifndef LAST
#define LAST 7
#endif
#ifndef GUESTS
#define GUESTS 2
#endif
#ifndef STAYS
#define STAYS 2                    /* batches that a guest reads before it goes */
#endif
#define SLOT(q) ((q) % SLOTS)
#define NOBODY 99
#ifdef GATE_ONE_TOO_FAR
#define FITS(high, gate) ((high) - (gate) <= SLOTS + 1)
#else
#define FITS(high, gate) ((high) - (gate) <= SLOTS)
#endif

short cursor = -1;
byte count;                        /* the table: entries are guest + 1, 0 is a hole */
byte entries[GUESTS + 1];
short at[GUESTS] = -1;
bool lock;
short holds[SLOTS] = -1;
bool writing[SLOTS];
byte reading[SLOTS];

active proctype producer() {
	short claimed = -1, gate = -1, lowest, value;
	byte place, seen, who;
	do
	:: claimed == LAST -> break
	:: claimed < LAST ->
		do
		:: FITS(claimed + 1, gate) -> break
		:: else ->                 /* lowest_gate: the count, then the entries */
			lowest = NOBODY;
			seen = count;
#ifdef NEWEST_FORGOTTEN
			if :: seen > 0 -> seen-- :: else fi;
#endif
			place = 0;
			do
			:: place >= seen -> break
			:: else ->
				who = entries[place];
				if
				:: who != 0 ->
					value = at[who - 1];
					if :: value < lowest -> lowest = value :: else fi
				:: else
				fi;
				place++
			od;
			if :: lowest == NOBODY -> lowest = cursor :: else fi;
			gate = lowest
		od;
		claimed++;
		d_step { assert(reading[SLOT(claimed)] == 0); writing[SLOT(claimed)] = true };
		d_step { holds[SLOT(claimed)] = claimed; writing[SLOT(claimed)] = false };
		cursor = claimed
	od
}

proctype guest(byte me) {
	short available, following;
	byte place, batches;
	atomic { !lock -> lock = true };
	available = cursor;
	at[me] = available;
	place = 0;
	do                                 /* fills a hole or the place after the last */
	:: place < count && entries[place] != 0 -> place++
	:: place < count && entries[place] == 0 -> entries[place] = me + 1; break
	:: place >= count ->
		entries[place] = me + 1;
		count = place + 1;
		break
	od;
#ifndef PLACED_ONCE
	available = cursor;
	at[me] = available;
#endif
	lock = false;
	do
	:: batches == STAYS || at[me] == LAST -> break
	:: else ->
		cursor > at[me] -> available = cursor;
		following = at[me] + 1;
		do
		:: following > available -> break
		:: else ->
			d_step { assert(!writing[SLOT(following)]); reading[SLOT(following)]++ };
			d_step { assert(holds[SLOT(following)] == following); reading[SLOT(following)]-- };
			following++
		od;
		at[me] = available;
		batches++
	od;
	atomic { !lock -> lock = true };
#ifndef STAYS_IN_THE_TABLE
	place = 0;
	do
	:: entries[place] == me + 1 ->
#ifdef LAST_MOVES_INTO_THE_HOLE
		count--;
		entries[place] = entries[count];
#else
		entries[place] = 0;
#endif
		break
	:: else -> place++
	od;
#endif
	lock = false
}

init {
	byte i;
	atomic { for (i : 0 .. GUESTS - 1) { run guest(i) } }
}

ltl the_producer_gets_to_its_end { <> (cursor == LAST) }
