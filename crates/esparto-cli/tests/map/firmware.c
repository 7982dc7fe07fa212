/* One variable of each storage, code in two memories. */
int global_table[100] = { 1 };
#ifndef BUFFER_BYTES
#define BUFFER_BYTES 300
#endif
static char static_buffer[BUFFER_BYTES];
const char message[40] = "constant";

__attribute__((section(".iram1"), noinline)) int fast(int x) { return x * 3; }

__attribute__((noinline)) int slow(int x) {
    static int local_calls[20];
    local_calls[x]++;
    return local_calls[x] + static_buffer[x] + global_table[x] + message[x] + fast(x);
}

void _start(void) {
    static_buffer[1] = (char)slow(2);
    for (;;) {}
}
