/* What compiled functions find in Python's process by name: numba's helpers, and the board of note lanes, on which nobody has a row. */
#include <math.h>
#include <stdint.h>

int64_t disruptor_note_board[512];

double numba_frexp(double x, int *exponent) { return frexp(x, exponent); }

double numba_ldexp(double x, int exponent) { return ldexp(x, exponent); }
