/* One half of a pair that shares a slot: each call across evicts the caller. */
#include <setjmp.h>

#include "overlays.h"

static const int powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
static int entries = 3;
static int zeroed[50];

int ping_entries(void) { return entries; }

/* More arguments than registers. */
int ping_digits(int a, int b, int c, int d, int e, int f, int g, int h, int i)
{
    const int digits[] = {a, b, c, d, e, f, g, h, i};
    int sum = 0;
    for (int place = 0; place < 9; ++place)
        sum += digits[place] * powers[place];
    return sum;
}

int ping(int depth, int sum)
{
    zeroed[entries++ % 50] += depth;
    if (depth == 0)
        return sum;
    int below = pong(depth - 1, sum + depth);
    /* This runs in code that was evicted in between. */
    return below + powers[0];
}

int ping_zero_sum(void)
{
    int sum = 0;
    for (int place = 0; place < 50; ++place)
        sum += zeroed[place];
    return sum;
}

long long ping_long(long long value) { return value * 3 + pong(0, 0); }

static int square(int value) { return value * value; }

/* The address of a function of its own leaves the overlay, and outlives it in the slot. */
int_function *ping_square(void) { return square; }

static jmp_buf out;

int ping_try(int value)
{
    int thrown = setjmp(out);
    if (thrown != 0)
        return thrown + powers[3];
    return pong_throw(value);
}

void ping_throw(int value) { longjmp(out, value); }

/* By a switch with a jump table. */
int ping_switch(int value)
{
    switch (value) {
    case 0: return 17;
    case 1: return pong(0, 5);
    case 2: return entries;
    case 3: return powers[4];
    case 4: return ping_entries() + 1;
    case 5: return zeroed[0] - 9;
    case 6: return value * 7;
    default: return -1;
    }
}
