/* An overlay in C: data, zeros, a constructor, a table of functions, calls in and out. */
static int calls;
int fft_table[4] = { 1, 2, 3, 4 };
extern int resident_add(int, int);

static int helper(int x) { return x * 3 + fft_table[x & 3]; }
typedef int (*op)(int);
op fft_ops[2] = { helper, 0 };

__attribute__((constructor)) static void begin(void) { calls = 100; }
__attribute__((noinline)) int fft_inner(int x) { return fft_ops[0](x); }
int fft_run(int x) { calls++; return resident_add(fft_inner(x), calls); }
op fft_op(void) { return fft_inner; }
