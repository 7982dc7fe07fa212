//! gdb's `monitor` commands: what only a simulator can say.

use std::fmt::Write;

use super::description::CSRS;
use crate::bus::flags;
use crate::machine::Machine;

const HELP: &str = "\
monitor count         instructions retired since the start
monitor csrs          the control and status registers
monitor memory ADDR   what the memory at ADDR allows
monitor writer ADDR   who wrote the code at ADDR since the last fence.i";

/// The answer to `command`, some lines of text.
pub(super) fn answer(machine: &Machine, command: &str) -> String {
    let mut words = command.split_whitespace();
    let (name, argument) = (words.next().unwrap_or("help"), words.next());
    let addr = argument.and_then(parse_addr);
    match (name, addr) {
        ("count", _) => format!("{} instructions", machine.instructions()),
        ("csrs", _) => csrs(machine),
        ("memory", Some(addr)) => memory(machine, addr),
        ("writer", Some(addr)) => match machine.bus.writer_of(addr, 4) {
            Some(pc) => format!("written at {pc:#010x}, and no fence.i since"),
            None => "nobody since the last fence.i".to_owned(),
        },
        ("memory" | "writer", None) => format!("{name} wants an address, as in 0x80000000"),
        ("help", _) => HELP.to_owned(),
        _ => format!("there is no `{name}`:\n{HELP}"),
    }
}

fn parse_addr(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

fn csrs(machine: &Machine) -> String {
    CSRS.iter().fold(String::new(), |mut text, (number, name)| {
        if let Some(value) = machine.csr(*number) {
            let _ = writeln!(text, "{name:<14} {value:#010x}");
        }
        text
    })
}

fn memory(machine: &Machine, addr: u32) -> String {
    let allowed = machine.bus.allowed(addr);
    if allowed & flags::DEVICE != 0 && allowed & flags::MEMORY == 0 {
        return format!("{addr:#010x}: a device");
    }
    if allowed & flags::MEMORY == 0 {
        return format!("{addr:#010x}: nothing answers");
    }
    let names = [
        (flags::READ_WORD, "words are read"),
        (flags::READ_BYTE, "bytes are read"),
        (flags::WRITE_WORD, "words are written"),
        (flags::WRITE_BYTE, "bytes are written"),
        (flags::EXECUTE, "executed"),
        (flags::ATOMIC, "atomics"),
        (flags::CACHED, "behind the cache"),
        (flags::INVERTED, "words in reverse order"),
    ];
    let said: Vec<&str> =
        names.iter().filter(|(flag, _)| allowed & flag != 0).map(|(_, name)| *name).collect();
    format!("{addr:#010x}: {}", said.join(", "))
}
