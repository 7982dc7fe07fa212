//! Interrupts against the privileged specification: which is taken first, when it is held back,
//! where its handler is, what the registers say; and the counters that can be stopped.

mod common;

use common::asm::*;
use common::{exit, machine, put};
use esparto_sim::Stop;

const VIRT: u32 = 0x8000_0000;
const HANDLER: u32 = VIRT + 0x100;

const MCOUNTINHIBIT: u32 = 0x320;
const WFI: u32 = 0x1050_0073;

const SOFTWARE: u32 = 1 << 3;
const TIMER: u32 = 1 << 7;
const EXTERNAL: u32 = 1 << 11;
const INTERRUPTS_ON: u32 = 1 << 3;

const MSIP: u32 = 0x0200_0000;
const MTIMECMP: u32 = 0x0200_4000;
const UART: u32 = 0x1000_0000;
const PLIC: u32 = 0x0C00_0000;
const CLAIM: u32 = PLIC + 0x20_0004;
const UART_SOURCE: u32 = 10;

/// Code that writes `value` to a CSR.
fn set(csr: u32, value: u32) -> Vec<u32> {
    let mut code = li(28, value).to_vec();
    code.push(csrrw(0, csr, 28));
    code
}

/// Code that makes each of `interrupts` wait.
fn raise(interrupts: u32) -> Vec<u32> {
    let mut code = Vec::new();
    if interrupts & SOFTWARE != 0 {
        code.extend(put(MSIP, 1));
    }
    if interrupts & TIMER != 0 {
        code.extend(put(MTIMECMP + 4, 0));
        code.extend(put(MTIMECMP, 0));
    }
    if interrupts & EXTERNAL != 0 {
        code.extend(put(PLIC + 4 * UART_SOURCE, 1));
        code.extend(put(PLIC + 0x2000, 1 << UART_SOURCE));
        // The transmitter has room.
        code.extend(li(28, UART));
        code.extend([addi(29, 0, 2), s(0, 28, 29, 1)]);
    }
    code
}

/// `set_up`, then a loop; a handler at [`HANDLER`] that keeps the CSRs in registers and ends.
fn program(mode: u32, set_up: &[Vec<u32>]) -> Vec<u32> {
    let mut code = set(MTVEC, HANDLER | mode);
    code.extend(set_up.concat());
    code.push(jal(0, 0));
    let gap = (HANDLER - VIRT) as usize / 4;
    assert!(code.len() <= gap, "the program reaches into its handler");
    code.resize(gap, addi(0, 0, 0));
    if mode == 1 {
        // A table of jumps, each to the handler behind it.
        code.extend((0..16).map(|k| jal(0, 64 - 4 * k)));
    }
    code.extend([csrrs(11, MCAUSE, 0), csrrs(12, MSTATUS, 0), csrrs(13, MIP, 0)]);
    code.extend([csrrs(14, MEPC, 0), csrrs(15, MTVAL, 0)]);
    code.extend(li(28, CLAIM));
    code.push(lw(16, 28, 0));
    code.extend(exit());
    code
}

#[test]
fn external_comes_before_software_and_software_before_timer() {
    for (waiting, enabled, first) in [
        (SOFTWARE | TIMER | EXTERNAL, SOFTWARE | TIMER | EXTERNAL, 11),
        (SOFTWARE | TIMER | EXTERNAL, SOFTWARE | TIMER, 3),
        (SOFTWARE | TIMER, SOFTWARE | TIMER, 3),
        (SOFTWARE | TIMER | EXTERNAL, TIMER, 7),
        (TIMER, SOFTWARE | TIMER | EXTERNAL, 7),
    ] {
        let code = program(0, &[raise(waiting), set(MIE, enabled), set(MSTATUS, INTERRUPTS_ON)]);
        let mut machine = machine("virt", VIRT, &code);
        assert_eq!(machine.run(1000), Stop::Exit { code: 0 }, "{waiting:#x} {enabled:#x}");
        assert_eq!(machine.register(11), 0x8000_0000 | first, "{waiting:#x} {enabled:#x}");
        // Interrupts are off, were on, and came from machine mode; all that waits is seen.
        assert_eq!(machine.register(12), 3 << 11 | 1 << 7);
        assert_eq!(machine.register(13), waiting);
        assert_eq!(machine.register(15), 0, "mtval");
        let source = if waiting & EXTERNAL != 0 { UART_SOURCE } else { 0 };
        assert_eq!(machine.register(16), source);
    }
}

#[test]
fn the_vector_table_is_by_cause_for_interrupts_and_not_for_exceptions() {
    for (interrupt, slot) in [(SOFTWARE, 3), (TIMER, 7), (EXTERNAL, 11)] {
        let code = program(1, &[raise(interrupt), set(MIE, interrupt)]);
        let mut machine = machine("virt", VIRT, &code);
        machine.run(60);
        assert_eq!(machine.register(11), 0, "it waits until it is let through");
        let on = [raise(interrupt), set(MIE, interrupt), set(MSTATUS, INTERRUPTS_ON)];
        let mut machine = common::machine("virt", VIRT, &program(1, &on));
        while machine.pc() < HANDLER {
            assert_eq!(machine.run(1), Stop::Limit);
        }
        assert_eq!(machine.pc(), HANDLER + 4 * slot);
        assert_eq!(machine.run(100), Stop::Exit { code: 0 });
        assert_eq!(machine.register(11), 0x8000_0000 | slot);
    }
    let mut machine = common::machine("virt", VIRT, &program(1, &[vec![ECALL]]));
    machine.run(6);
    assert_eq!(machine.run(100), Stop::Exit { code: 0 });
    assert_eq!(machine.register(11), 11);
}

#[test]
fn what_waits_is_seen_but_not_taken_while_it_is_held_back() {
    for (enabled, status) in [(0, INTERRUPTS_ON), (SOFTWARE | TIMER | EXTERNAL, 0)] {
        let all = SOFTWARE | TIMER | EXTERNAL;
        let mut set_up = vec![raise(all), set(MIE, enabled), set(MSTATUS, status)];
        // `mip` cannot be written: its bits are the devices'.
        set_up.push(set(MIP, 0));
        set_up.push(vec![csrrs(20, MIP, 0)]);
        set_up.push(exit());
        let mut machine = machine("virt", VIRT, &program(0, &set_up));
        assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
        assert_eq!((machine.register(11), machine.register(20)), (0, all));
    }
}

#[test]
fn user_mode_is_interrupted_whatever_mie_of_mstatus_says() {
    let user = VIRT + 0xC0;
    let mut set_up = vec![raise(TIMER), set(MIE, TIMER), set(MEPC, user), set(MSTATUS, 0)];
    set_up.push(vec![MRET]);
    let mut code = program(0, &set_up);
    code[0xC0 / 4] = jal(0, 0);
    let mut machine = machine("virt", VIRT, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!((machine.register(11), machine.register(14)), (0x8000_0007, user));
    assert_eq!(machine.register(12) >> 11 & 3, 0, "it came from user mode");
}

#[test]
fn a_core_that_waits_goes_on_behind_the_wfi_without_a_trap_if_interrupts_are_off() {
    let set_up = [raise(SOFTWARE), set(MIE, SOFTWARE), vec![WFI, addi(20, 0, 5)], exit()];
    let mut machine = machine("virt", VIRT, &program(0, &set_up));
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!((machine.register(11), machine.register(20)), (0, 5));
}

#[test]
fn time_that_is_slept_costs_no_instruction() {
    // Due in 10 million ticks, a thousand million instructions' worth.
    let set_up = [
        put(MTIMECMP + 4, 0),
        put(MTIMECMP, 10_000_000),
        set(MIE, TIMER),
        set(MSTATUS, INTERRUPTS_ON),
        vec![WFI],
    ];
    let mut machine = machine("virt", VIRT, &program(0, &set_up));
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert!(machine.instructions() < 200, "{}", machine.instructions());
    assert_eq!(machine.register(11), 0x8000_0007);
}

#[test]
fn the_serial_line_interrupts_for_each_byte_sent_until_it_is_answered() {
    // Identity says "transmitter" once, then "nothing"; a byte sent makes room anew.
    let mut code = raise(EXTERNAL);
    code.extend(li(28, UART));
    code.extend([i(0x03, 4, 20, 28, 2), i(0x03, 4, 21, 28, 2)]);
    code.extend([s(0, 28, 0, 0), i(0x03, 4, 22, 28, 2), csrrs(23, MIP, 0)]);
    code.extend(exit());
    let mut machine = machine("virt", VIRT, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    let identities = [20, 21, 22].map(|register| machine.register(register));
    assert_eq!(identities, [2, 1, 2]);
    // The first request stays until it is claimed.
    assert_eq!(machine.register(23), EXTERNAL);
}

#[test]
fn a_counter_that_is_inhibited_stands_still_and_goes_on_from_there() {
    let mut code = set(MCOUNTINHIBIT, u32::MAX);
    code.extend([csrrs(20, MINSTRET, 0), csrrs(21, MINSTRET, 0), csrrs(22, 0xB00, 0)]);
    code.push(csrrs(23, MCOUNTINHIBIT, 0));
    code.extend([csrrw(0, MINSTRET, 0), csrrs(24, MINSTRET, 0), csrrw(0, MCOUNTINHIBIT, 0)]);
    code.extend([addi(0, 0, 0), csrrs(25, MINSTRET, 0)]);
    code.extend(exit());
    let mut machine = machine("virt", VIRT, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!(machine.register(20), machine.register(21));
    assert_eq!(machine.register(20), machine.register(22));
    assert_eq!(machine.register(23), 5, "time cannot be stopped");
    assert_eq!((machine.register(24), machine.register(25)), (0, 2));
}

#[test]
fn user_mode_sees_the_counters_that_it_is_given() {
    for (given, cause) in [(0, 2), (4, 8), (2, 2)] {
        let user = VIRT + 0xC0;
        let set_up = [set(0x306, given), set(MEPC, user), set(MSTATUS, 0), vec![MRET]];
        let mut code = program(0, &set_up);
        code[0xC0 / 4] = csrrs(20, 0xC02, 0);
        code[0xC0 / 4 + 1] = ECALL;
        let mut machine = machine("virt", VIRT, &code);
        assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
        assert_eq!(machine.register(11), cause, "mcounteren {given}");
    }
}

#[test]
fn user_mode_may_be_forbidden_to_wait() {
    let user = VIRT + 0xC0;
    let set_up = [set(MEPC, user), set(MSTATUS, 1 << 21), vec![MRET]];
    let mut code = program(0, &set_up);
    code[0xC0 / 4] = WFI;
    let mut machine = machine("virt", VIRT, &code);
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!((machine.register(11), machine.register(15)), (2, WFI));
}
