# A call of what is not mapped, where windows rotate: behind the stub's `entry a1, 112`, a8: the
# function's record. a2 to a7 are the arguments, and stay while this calls.
    .section .text.esparto.miss, "ax"
    .balign 4
1:  .4byte __esparto_overlay_missed
2:  .4byte __esparto_overlay_returned
3:  .4byte __esparto_overlay_jumped
4:  .4byte __real_longjmp
    .global __esparto_overlay_miss_windowed
    .type __esparto_overlay_miss_windowed, @function
__esparto_overlay_miss_windowed:
    s32i a0, a1, 72
    movi a9, 0
    s32i a9, a1, 64
    mov  a10, a8
    mov  a11, a1
    l32r a8, 1b
    callx8 a8
    beqz a10, 5f
    mov  a8, a10
    mov  a10, a2
    mov  a11, a3
    mov  a12, a4
    mov  a13, a5
    mov  a14, a6
    mov  a15, a7
    callx8 a8
    mov  a2, a10
    mov  a3, a11
    mov  a4, a12
    mov  a5, a13
    j    6f
5:  l32i a2, a1, 68
6:  l32i a8, a1, 64
    beqz a8, 7f
    mov  a10, a1
    l32r a8, 2b
    callx8 a8
7:  retw
    .size __esparto_overlay_miss_windowed, . - __esparto_overlay_miss_windowed

# Sends the registers of all callers to the stack, where their returns fetch them; returns the caller's
# stack pointer. Calls itself: each call wants a window, and who has it gives way. There are at most 64
# registers, eight for a call.
    .balign 4
    .global __esparto_overlay_spill
    .type __esparto_overlay_spill, @function
__esparto_overlay_spill:
    entry a1, 32
    movi a10, 8
    call8 8f
    addi a2, a1, 32
    retw
    .balign 4
8:  entry a1, 32
    beqz a2, 9f
    addi a10, a2, -1
    call8 8b
9:  retw
    .size __esparto_overlay_spill, . - __esparto_overlay_spill

# `longjmp` for programs linked with --wrap=longjmp: the frame that it goes to may return through
# code that was evicted since. The buffer of newlib: a0, a1, and more.
    .balign 4
    .weak __real_longjmp
    .global __wrap_longjmp
    .type __wrap_longjmp, @function
__wrap_longjmp:
    entry a1, 32
    l32i a10, a2, 4
    l32r a8, 3b
    callx8 a8
    mov  a10, a2
    mov  a11, a3
    l32r a8, 4b
    callx8 a8
    .size __wrap_longjmp, . - __wrap_longjmp
