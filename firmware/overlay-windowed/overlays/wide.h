/* What goes through a stub, and comes back. */
#ifndef WIDE_H
#define WIDE_H

struct four {
    int first, second, third, fourth;
};

struct many {
    int words[12];
};

int wide_sum(int a, int b, int c, int d, int e, int f, int g, int h, int i, int j, int k, int l,
             int m, int n, int o, int p, int q, int r, int s, int t, int u, int v);
struct four wide_four(int seed, long long more);
struct many wide_many(int seed);
int wide_varied(int count, ...);
int wide_deep(int depth, const int *values);
int wide_twice(int value);

#endif
