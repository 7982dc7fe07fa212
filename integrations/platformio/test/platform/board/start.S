# From reset to main: hart 0 runs, the others wait for ever.
    .section .text.start, "ax"
    .globl _start
_start:
    .option push
    .option arch, +zicsr
    csrr a0, mhartid
    .option pop
    beqz a0, 2f
1:  wfi
    j 1b
2:  la sp, __stack_end
    la a0, __bss_start
    la a1, __bss_end
    call clear
    la a0, __ext_ram_start
    la a1, __ext_ram_end
    call clear
    call main
    tail board_exit

clear:
    bgeu a0, a1, 3f
    sw zero, 0(a0)
    addi a0, a0, 4
    j clear
3:  ret

# board_semihosting(operation, argument): the emulator knows the call by its neighbours.
    .section .text.semihosting, "ax"
    .globl board_semihosting
    .balign 16
    .option push
    .option norvc
board_semihosting:
    slli zero, zero, 0x1f
    ebreak
    srai zero, zero, 7
    ret
    .option pop
