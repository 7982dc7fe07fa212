# A call of what is not mapped. t0: the function's record. Everything else is as the caller left it.
    .section .text.esparto.miss, "ax"
    .global __esparto_overlay_miss
    .type __esparto_overlay_miss, @function
__esparto_overlay_miss:
.ifdef ESPARTO_FLOATS
    addi sp, sp, -80
    fsw  fa0, 48(sp)
    fsw  fa1, 52(sp)
    fsw  fa2, 56(sp)
    fsw  fa3, 60(sp)
    fsw  fa4, 64(sp)
    fsw  fa5, 68(sp)
    fsw  fa6, 72(sp)
    fsw  fa7, 76(sp)
.else
    addi sp, sp, -48
.endif
    sw   a0, 0(sp)
    sw   a1, 4(sp)
    sw   a2, 8(sp)
    sw   a3, 12(sp)
    sw   a4, 16(sp)
    sw   a5, 20(sp)
    sw   a6, 24(sp)
    sw   a7, 28(sp)
    sw   t2, 32(sp)
    sw   ra, 36(sp)
    mv   a0, t0
    mv   a1, sp
    call __esparto_overlay_missed
    mv   t0, a0
    lw   a0, 0(sp)
    lw   a1, 4(sp)
    lw   a2, 8(sp)
    lw   a3, 12(sp)
    lw   a4, 16(sp)
    lw   a5, 20(sp)
    lw   a6, 24(sp)
    lw   a7, 28(sp)
    lw   t2, 32(sp)
    lw   ra, 36(sp)
.ifdef ESPARTO_FLOATS
    flw  fa0, 48(sp)
    flw  fa1, 52(sp)
    flw  fa2, 56(sp)
    flw  fa3, 60(sp)
    flw  fa4, 64(sp)
    flw  fa5, 68(sp)
    flw  fa6, 72(sp)
    flw  fa7, 76(sp)
    addi sp, sp, 80
.else
    addi sp, sp, 48
.endif
    jr   t0
    .size __esparto_overlay_miss, . - __esparto_overlay_miss

# A return through code that was evicted meanwhile: a0 and a1 are the callee's answer, sp is the caller's.
    .global __esparto_overlay_return
    .type __esparto_overlay_return, @function
__esparto_overlay_return:
    mv   t0, sp
    addi sp, sp, -16
    sw   a0, 0(sp)
    sw   a1, 4(sp)
.ifdef ESPARTO_FLOATS
    fsw  fa0, 8(sp)
    fsw  fa1, 12(sp)
.endif
    mv   a0, t0
    call __esparto_overlay_returned
    mv   ra, a0
    lw   a0, 0(sp)
    lw   a1, 4(sp)
.ifdef ESPARTO_FLOATS
    flw  fa0, 8(sp)
    flw  fa1, 12(sp)
.endif
    addi sp, sp, 16
    ret
    .size __esparto_overlay_return, . - __esparto_overlay_return

# The function that is called in place of one that could not be loaded: a0 is the answer already.
    .global __esparto_overlay_answer
    .type __esparto_overlay_answer, @function
__esparto_overlay_answer:
    ret
    .size __esparto_overlay_answer, . - __esparto_overlay_answer

# `longjmp` for programs linked with --wrap=longjmp: the frame that it goes to may return through
# code that was evicted since. The buffer of newlib and picolibc: ra, s0 to s11, sp.
    .section .text.esparto.longjmp, "ax"
    .weak __real_longjmp
    .global __wrap_longjmp
    .type __wrap_longjmp, @function
__wrap_longjmp:
    mv   s0, a0
    mv   s1, a1
    lw   a0, 52(s0)
    call __esparto_overlay_jumped
    mv   a0, s0
    mv   a1, s1
    tail __real_longjmp
    .size __wrap_longjmp, . - __wrap_longjmp
