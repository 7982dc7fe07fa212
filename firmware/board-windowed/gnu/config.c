/* What the GNU tools for Xtensa read from the file that XTENSA_GNU_CONFIG names: the instructions of
   a core, from the tables that the emulator is built with, and its options. Compiled as a shared
   object with the emulator's folders of that core, of the architecture and of headers. */
#include "core-isa.h"
#include "xtensa-modules.c.inc"

/* In the order of the tools' `struct xtensa_config_v1`. */
const int xtensa_config_v1[] = {
    XCHAL_HAVE_BE,
    XCHAL_HAVE_DENSITY,
    XCHAL_HAVE_CONST16,
    XCHAL_HAVE_ABS,
    XCHAL_HAVE_ADDX,
    XCHAL_HAVE_L32R,
    0, /* literals relative to a register */
    0, /* literals among the code */
    XCHAL_HAVE_MAC16,
    XCHAL_HAVE_MUL16,
    XCHAL_HAVE_MUL32,
    XCHAL_HAVE_MUL32_HIGH,
    XCHAL_HAVE_DIV32,
    XCHAL_HAVE_NSA,
    XCHAL_HAVE_MINMAX,
    XCHAL_HAVE_SEXT,
    XCHAL_HAVE_LOOPS,
    XCHAL_HAVE_THREADPTR,
    XCHAL_HAVE_RELEASE_SYNC,
    XCHAL_HAVE_S32C1I,
    XCHAL_HAVE_BOOLEANS,
    0, 0, 0, 0, 0, 0, /* floating point: single, its divide and roots, addressing */
    0, 0, 0, 0, 0,    /* and double */
    XCHAL_HAVE_WINDOWED,
    XCHAL_NUM_AREGS,
    XCHAL_HAVE_WIDE_BRANCHES,
    XCHAL_HAVE_PREDICTED_BRANCHES,
    XCHAL_ICACHE_SIZE,
    XCHAL_DCACHE_SIZE,
    XCHAL_ICACHE_LINESIZE,
    XCHAL_DCACHE_LINESIZE,
    XCHAL_ICACHE_LINEWIDTH,
    XCHAL_DCACHE_LINEWIDTH,
    XCHAL_DCACHE_IS_WRITEBACK,
    0, /* an MMU with page tables */
    1, /* the smallest of its pages, as a logarithm */
    XCHAL_HAVE_DEBUG,
    XCHAL_NUM_IBREAK,
    XCHAL_NUM_DBREAK,
    XCHAL_DEBUGLEVEL,
    XCHAL_MAX_INSTRUCTION_SIZE,
    XCHAL_INST_FETCH_WIDTH,
    0, /* the convention: that of register windows, which is 0; the other one is 1 */
    0,
    1,
};

/* The stage of the pipeline, the newest and the oldest make: unknown. */
const int xtensa_config_v2[] = { 0, 0, 0 };
