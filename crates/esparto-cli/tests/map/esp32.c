/* One variable or function for each section. */
#define IN(name) __attribute__((section(name)))
IN(".rtc.text") int rtc_code(int x) { return x + 5; }
IN(".rtc.data") int rtc_data[8] = { 1 };
IN(".rtc_noinit") int rtc_kept[4];
IN(".vectors") void vectors(void) { for (;;) {} }
IN(".iram1.0") __attribute__((noinline)) int fast(int x) { return x * 77; }
int table[25] = { 2 };
IN(".noinit") char kept[100];
static char zeros[1000];
IN(".rodata_desc") const char description[256] = "firmware";
const int constants[64] = { 3 };
IN(".ext_ram.bss") char external[5000];

void _start(void) {
    static int calls;
    calls++;
    for (;;) {
        zeros[calls] = (char)(rtc_code(rtc_data[1]) + rtc_kept[1] + fast(table[calls]) + kept[2]);
        external[calls] = (char)(description[calls] + constants[calls]);
    }
}
