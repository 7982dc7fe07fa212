/* All that a call can carry, there and back: it goes through stubs, which make calls of their own. */
#include <stdarg.h>

#include "overlays.h"
#include "wide.h"

/* Six arguments in registers, sixteen on the stack. */
int wide_sum(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l,
             int m, int n, int o, int p, int q, int r, int s, int t, int u, int v)
{
    const int all[] = {a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v};
    int sum = 0;
    for (unsigned place = 0; place < sizeof all / sizeof all[0]; ++place)
        sum = sum * 3 + all[place];
    return sum;
}

/* An answer in four registers. */
struct four wide_four(int seed, long long more)
{
    struct four answer = {seed, seed + (int)more, seed * (int)(more >> 32), ~seed};
    return answer;
}

/* An answer in the caller's memory. */
struct many wide_many(int seed)
{
    struct many answer;
    for (int place = 0; place < 12; ++place)
        answer.words[place] = seed * place;
    return answer;
}

/* As many as it is told, in registers and on the stack. */
int wide_varied(int count, ...)
{
    va_list list;
    int sum = 0;
    va_start(list, count);
    for (int place = 0; place < count; ++place)
        sum = sum * 5 + va_arg(list, int);
    va_end(list);
    return sum;
}

/* Evicted and found back at every depth, and its registers and its stack with it. */
int wide_deep(int depth, const int *values)
{
    int own[3] = {depth, values[0], values[1]};
    if (depth == 0)
        return values[0] - values[1] + values[2];
    int below = pong_apply(wide_twice, own[1] - own[2]);
    return wide_deep(depth - 1, own) + below - own[0];
}

int wide_twice(int value) { return 2 * value; }
