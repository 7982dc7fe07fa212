# A call of what is not mapped, in the call0 convention. a9: the function's record. a10 and a11 are
# anybody's, everything else is as the caller left it.
    .section .text.esparto.miss, "ax"
    .balign 4
1:  .4byte __esparto_overlay_missed
2:  .4byte __esparto_overlay_returned
3:  .4byte __esparto_overlay_jumped
4:  .4byte __real_longjmp
    .global __esparto_overlay_miss
    .type __esparto_overlay_miss, @function
__esparto_overlay_miss:
    addi a1, a1, -32
    s32i a2, a1, 0
    s32i a3, a1, 4
    s32i a4, a1, 8
    s32i a5, a1, 12
    s32i a6, a1, 16
    s32i a7, a1, 20
    s32i a8, a1, 24
    s32i a0, a1, 28
    mov  a2, a9
    mov  a3, a1
    l32r a0, 1b
    callx0 a0
    mov  a9, a2
    l32i a2, a1, 0
    l32i a3, a1, 4
    l32i a4, a1, 8
    l32i a5, a1, 12
    l32i a6, a1, 16
    l32i a7, a1, 20
    l32i a8, a1, 24
    l32i a0, a1, 28
    addi a1, a1, 32
    jx   a9
    .size __esparto_overlay_miss, . - __esparto_overlay_miss

# A return through code that was evicted meanwhile: a2 to a5 are the callee's answer, a1 is the caller's.
    .balign 4
    .global __esparto_overlay_return
    .type __esparto_overlay_return, @function
__esparto_overlay_return:
    mov  a9, a1
    addi a1, a1, -16
    s32i a2, a1, 0
    s32i a3, a1, 4
    s32i a4, a1, 8
    s32i a5, a1, 12
    mov  a2, a9
    l32r a0, 2b
    callx0 a0
    mov  a0, a2
    l32i a2, a1, 0
    l32i a3, a1, 4
    l32i a4, a1, 8
    l32i a5, a1, 12
    addi a1, a1, 16
    ret
    .size __esparto_overlay_return, . - __esparto_overlay_return

# The function that is called in place of one that could not be loaded: a2 is the answer already.
    .balign 4
    .global __esparto_overlay_answer
    .type __esparto_overlay_answer, @function
__esparto_overlay_answer:
    ret
    .size __esparto_overlay_answer, . - __esparto_overlay_answer

# `longjmp` for programs linked with --wrap=longjmp: the frame that it goes to may return through
# code that was evicted since. The buffer of newlib and picolibc: a0, a1, a12 to a15.
    .balign 4
    .weak __real_longjmp
    .global __wrap_longjmp
    .type __wrap_longjmp, @function
__wrap_longjmp:
    mov  a12, a2
    mov  a13, a3
    l32i a2, a2, 4
    l32r a0, 3b
    callx0 a0
    mov  a2, a12
    mov  a3, a13
    l32r a9, 4b
    jx   a9
    .size __wrap_longjmp, . - __wrap_longjmp
