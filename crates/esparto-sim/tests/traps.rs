//! Every trap cause of the privileged specification's table that a core without address
//! translation has, with its `mtval`; and interrupts.

mod common;

use common::asm::*;
use common::{exit, machine, put};
use esparto_sim::{Cause, Stop};

const VIRT: u32 = 0x8000_0000;
const C3: u32 = 0x4038_0000;
const C6: u32 = 0x4080_0000;

/// Code that puts `addr` into `x10` and executes `inst`.
fn at(addr: u32, inst: u32) -> Vec<u32> {
    let mut code = li(10, addr).to_vec();
    code.push(inst);
    code
}

const GUARDED: u32 = 0x8001_0000;

/// Code that guards one word by memory protection and executes `inst` with its address in `x10`.
fn guarded(config: u32, inst: u32) -> Vec<u32> {
    const PMPCFG0: u32 = 0x3A0;
    const PMPADDR0: u32 = 0x3B0;
    let set_up = [&li(10, GUARDED >> 2)[..], &[csrrw(0, PMPADDR0, 10)], &li(10, config)].concat();
    [&set_up[..], &[csrrw(0, PMPCFG0, 10)], &at(GUARDED, inst)].concat()
}

#[test]
fn every_cause_has_its_number_and_its_value() {
    let amoadd = r(0x2F, 0, 2, 0, 10, 0);
    let lr = r(0x2F, 2 << 2, 2, 0, 10, 0);
    let sc = r(0x2F, 3 << 2, 2, 0, 10, 0);
    let table: [(&str, u32, Vec<u32>, Cause, u32); 23] = [
        // 0 does not exist: with compressed instructions every even address is aligned.
        (
            "virt",
            VIRT,
            at(0x9000_0000, i(0x67, 0, 0, 10, 0)),
            Cause::InstructionAccess,
            0x9000_0000,
        ),
        (
            "esp32c3",
            C3,
            at(0x3FC8_0000, i(0x67, 0, 0, 10, 0)),
            Cause::InstructionAccess,
            0x3FC8_0000,
        ),
        ("virt", VIRT, vec![0x0000_0000], Cause::IllegalInstruction, 0),
        ("virt", VIRT, vec![0xFFFF_FFFF], Cause::IllegalInstruction, 0xFFFF_FFFF),
        ("virt", VIRT, vec![csrrw(0, 0xF14, 1)], Cause::IllegalInstruction, csrrw(0, 0xF14, 1)),
        ("esp32c3", C3, at(0x3FC8_0000, amoadd), Cause::IllegalInstruction, amoadd),
        ("virt", VIRT, vec![EBREAK], Cause::Breakpoint, 0),
        ("esp32c3", C3, at(0x3FC8_0001, lw(5, 10, 0)), Cause::LoadMisaligned, 0x3FC8_0001),
        ("esp32c6", C6, at(0x4080_0002, lr), Cause::LoadMisaligned, 0x4080_0002),
        ("virt", VIRT, at(0x9000_0000, lw(5, 10, 4)), Cause::LoadAccess, 0x9000_0004),
        ("esp32c3", C3, at(C3, i(0x03, 4, 5, 10, 0)), Cause::LoadAccess, C3),
        ("esp32c3", C3, at(0x3FC8_0002, sw(5, 10, 0)), Cause::StoreMisaligned, 0x3FC8_0002),
        ("esp32c6", C6, at(0x4080_0002, amoadd), Cause::StoreMisaligned, 0x4080_0002),
        ("esp32c6", C6, at(0x4080_0002, sc), Cause::StoreMisaligned, 0x4080_0002),
        ("virt", VIRT, at(0x9000_0000, sw(5, 10, -4)), Cause::StoreAccess, 0x8FFF_FFFC),
        ("esp32c3", C3, at(C3 + 64, s(1, 10, 5, 0)), Cause::StoreAccess, C3 + 64),
        ("esp32c3", C3, at(0x4200_0000, sw(5, 10, 0)), Cause::StoreAccess, 0x4200_0000),
        ("virt", VIRT, vec![ECALL], Cause::MachineCall, 0),
        // `mret` with MPP = 0 goes to user mode.
        (
            "virt",
            VIRT,
            [&li(1, VIRT + 16)[..], &[csrrw(0, MEPC, 1), MRET, ECALL]].concat(),
            Cause::UserCall,
            0,
        ),
        ("virt", VIRT, guarded(0x90, sw(5, 10, 0)), Cause::StoreAccess, GUARDED),
        ("virt", VIRT, guarded(0x90, lw(5, 10, 0)), Cause::LoadAccess, GUARDED),
        ("virt", VIRT, guarded(0x90, i(0x67, 0, 0, 10, 0)), Cause::InstructionAccess, GUARDED),
        // Only a locked entry binds machine mode.
        (
            "virt",
            VIRT,
            [&guarded(0x10, sw(5, 10, 0))[..], &[ECALL]].concat(),
            Cause::MachineCall,
            0,
        ),
    ];
    for (board, addr, code, cause, value) in table {
        let mut machine = machine(board, addr, &code);
        let Stop::Unhandled { trap, pc } = machine.run(100) else {
            panic!("{cause} on {board}: no trap at {:#x}", machine.pc())
        };
        assert_eq!((trap.cause, trap.value), (cause, value), "{board} at {pc:#x}");
    }
}

#[test]
fn the_numbers_are_those_of_the_specification() {
    let numbers = [
        (Cause::InstructionAccess, 1),
        (Cause::IllegalInstruction, 2),
        (Cause::Breakpoint, 3),
        (Cause::LoadMisaligned, 4),
        (Cause::LoadAccess, 5),
        (Cause::StoreMisaligned, 6),
        (Cause::StoreAccess, 7),
        (Cause::UserCall, 8),
        (Cause::MachineCall, 11),
    ];
    for (cause, number) in numbers {
        assert_eq!(cause.code(), number, "{cause}");
    }
}

/// The handler stores `mcause` in `x11` and ends.
fn with_handler(set_up: &[u32]) -> Vec<u32> {
    let handler = 0x8000_0040;
    let mut code = li(1, handler).to_vec();
    code.push(csrrw(0, MTVEC, 1));
    code.extend(set_up);
    code.push(jal(0, 0));
    assert!(code.len() <= 16);
    code.resize(16, addi(0, 0, 0));
    code.push(csrrs(11, MCAUSE, 0));
    code.extend(exit());
    code
}

const MIE: u32 = 0x304;
const MSTATUS_MIE: u32 = 0x3004_6073;
const WFI: u32 = 0x1050_0073;

#[test]
fn the_timer_interrupts_exactly_when_it_is_due() {
    // 100 instructions are a tick; the loop never ends by itself.
    let mut set_up = put(0x0200_4004, 0);
    set_up[0] = lui(28, 0x0200_4000);
    set_up[1] = addi(28, 28, 4);
    let mut code = vec![lui(28, 0x0200_4000), sw(0, 28, 4), addi(29, 0, 3), sw(29, 28, 0)];
    code.extend([addi(29, 0, 128), csrrw(0, MIE, 29), MSTATUS_MIE]);
    let mut machine = machine("virt", VIRT, &with_handler(&code));
    let mut last = 0;
    while machine.register(11) == 0 {
        last = machine.instructions();
        assert!(last < 1000, "no interrupt");
        machine.run(1);
    }
    assert_eq!(machine.register(11), 0x8000_0007);
    // Counted from the store to the low half, like QEMU does: three ticks later, at time 0.
    assert!((300..=320).contains(&last), "{last}");
}

#[test]
fn a_core_that_waits_wakes_by_timer_or_never() {
    let mut code = vec![lui(28, 0x0200_4000), sw(0, 28, 4), lui(29, 0x1000_0000), sw(29, 28, 0)];
    code.extend([addi(29, 0, 128), csrrw(0, MIE, 29), WFI]);
    code.extend(exit());
    let mut awake = machine("virt", VIRT, &code);
    assert_eq!(awake.run(1000), Stop::Exit { code: 0 });
    assert!(awake.instructions() < 100, "waiting is not executing");

    let mut asleep = machine("virt", VIRT, &[WFI]);
    assert_eq!(asleep.run(1000), Stop::Asleep { pc: VIRT });
}

#[test]
fn the_software_interrupt_is_a_store_away() {
    let code =
        [&[addi(29, 0, 8), csrrw(0, MIE, 29), MSTATUS_MIE][..], &put(0x0200_0000, 1)].concat();
    let mut machine = machine("virt", VIRT, &with_handler(&code));
    assert_eq!(machine.run(1000), Stop::Exit { code: 0 });
    assert_eq!(machine.register(11), 0x8000_0003);
}

#[test]
fn a_program_that_never_ends_stops_at_the_limit_and_can_go_on() {
    let mut machine = machine("virt", VIRT, &[jal(0, 0)]);
    let before = machine.instructions();
    for round in 1..=3 {
        assert_eq!(machine.run(1_000_003), Stop::Limit);
        assert_eq!(machine.instructions() - before, round * 1_000_003);
    }
}
