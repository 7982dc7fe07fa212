# 32 KB of code less a little: what a load costs is measured on it.
    .text
    .global bulk
    .type bulk, @function
bulk:
    addi a0, a0, 1
    ret
    .size bulk, . - bulk
    .balign 4
    .global bulk_rest
    .type bulk_rest, @function
bulk_rest:
    .set seed, 0x1234567
    .rept 8000
    .word seed
    .set seed, (seed * 1103515245 + 12345) & 0xffffffff
    .endr
    ret
    .size bulk_rest, . - bulk_rest
