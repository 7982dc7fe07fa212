/* Linked for one place and run at another: every kind of address of its own and of others. */
#include "overlays.h"

static const int table[] = {3, 1, 4, 1, 5, 9, 2, 6};
static int total = 1000;
static const int *const begin = table;
static int_function *functions[2];

static int twice(int value) { return value * 2; }
static int thrice(int value) { return value * 3; }

int moving_sum(const int *values, int count)
{
    int sum = 0;
    for (int index = 0; index < count; ++index)
        sum += values[index] * begin[index & 7];
    total += sum;
    return total;
}

int moving_table(int index)
{
    functions[0] = twice;
    functions[1] = thrice;
    return functions[index & 1](table[index & 7]) + resident_count * 0;
}

int moving_through_pong(int value) { return pong(0, value) + table[0]; }
