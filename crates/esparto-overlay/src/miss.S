# A call of what is not mapped. t0: the function's record. Everything else is as the caller left it.
# Compilers pass more in t2 to t6, ft0 to ft11 to functions that nobody else can see (LLVM's fastcc).
    .section .text.esparto.miss, "ax"
    .global __esparto_overlay_miss
    .type __esparto_overlay_miss, @function
__esparto_overlay_miss:
.ifdef ESPARTO_FLOATS
    # What the core has is not told to assembly outside of functions.
    .option push
    .option arch, +f
    addi sp, sp, -144
    fsw  fa0, 64(sp)
    fsw  fa1, 68(sp)
    fsw  fa2, 72(sp)
    fsw  fa3, 76(sp)
    fsw  fa4, 80(sp)
    fsw  fa5, 84(sp)
    fsw  fa6, 88(sp)
    fsw  fa7, 92(sp)
    fsw  ft0, 96(sp)
    fsw  ft1, 100(sp)
    fsw  ft2, 104(sp)
    fsw  ft3, 108(sp)
    fsw  ft4, 112(sp)
    fsw  ft5, 116(sp)
    fsw  ft6, 120(sp)
    fsw  ft7, 124(sp)
    fsw  ft8, 128(sp)
    fsw  ft9, 132(sp)
    fsw  ft10, 136(sp)
    fsw  ft11, 140(sp)
.else
    addi sp, sp, -64
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
    sw   t3, 40(sp)
    sw   t4, 44(sp)
    sw   t5, 48(sp)
    sw   t6, 52(sp)
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
    lw   t3, 40(sp)
    lw   t4, 44(sp)
    lw   t5, 48(sp)
    lw   t6, 52(sp)
.ifdef ESPARTO_FLOATS
    flw  fa0, 64(sp)
    flw  fa1, 68(sp)
    flw  fa2, 72(sp)
    flw  fa3, 76(sp)
    flw  fa4, 80(sp)
    flw  fa5, 84(sp)
    flw  fa6, 88(sp)
    flw  fa7, 92(sp)
    flw  ft0, 96(sp)
    flw  ft1, 100(sp)
    flw  ft2, 104(sp)
    flw  ft3, 108(sp)
    flw  ft4, 112(sp)
    flw  ft5, 116(sp)
    flw  ft6, 120(sp)
    flw  ft7, 124(sp)
    flw  ft8, 128(sp)
    flw  ft9, 132(sp)
    flw  ft10, 136(sp)
    flw  ft11, 140(sp)
    addi sp, sp, 144
.else
    addi sp, sp, 64
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
.ifdef ESPARTO_FLOATS
    .option pop
.endif

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
