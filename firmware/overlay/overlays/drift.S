# 32 KB of relocatable code with a place to change in every eighth word: `lui` and `addi` of its own
# addresses, words, and jumps out.
    .text
    .global drift
    .type drift, @function
drift:
    addi a0, a0, 1
    ret
    .size drift, . - drift
    .balign 4
    .global drift_rest
    .type drift_rest, @function
drift_rest:
    .option push
    .option norvc
    .option norelax
    .rept 1000
    lui  a0, %hi(drift_table)
    addi a0, a0, %lo(drift_table)
    lw   a1, 0(a0)
    xor  a0, a0, a1
    add  a0, a0, a1
    xor  a1, a1, a0
    add  a0, a0, a1
    xor  a1, a1, a0
    .endr
    ret
    .option pop
drift_table:
    .word drift_rest_end
drift_rest_end:
    .size drift_rest, . - drift_rest
