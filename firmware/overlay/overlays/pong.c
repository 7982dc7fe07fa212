/* The other half. */
#include "overlays.h"

static int calls;

int pong(int depth, int sum)
{
    ++calls;
    if (depth == 0)
        return sum;
    return ping(depth - 1, sum + depth) + 1;
}

int pong_calls(void) { return calls; }

/* The jump goes past this frame, from code that evicted it, into code that this one evicted. */
int pong_throw(int value)
{
    resident_throw(value);
    return -1;
}

/* A call by way of resident code, which knows nothing of overlays. */
int pong_apply(int_function *function, int value) { return resident_apply(function, value) + calls * 0; }
