//! The hot loop: block after block, for as long as nothing has to be attended to.

use crate::bus::{At, Bus, Stored};
use crate::cache::Cache;
use crate::inst::{Inst, Op, Registers};
use crate::runs::with_runs;
use crate::trap::Trap;
use crate::watch::Watch;

/// Why the loop was left; a number is that of an instruction in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The block with this head is longer than what is left.
    Cut(usize),
    /// A part of this step leads to an address that it has no link for yet.
    Unlinked { step: usize, part: usize, target: u32 },
    /// An indirect jump goes to an address where no block is known.
    Jump(u32),
    /// This instruction is the machine's to do; it has not been executed.
    System(usize),
    /// Someone wants to look before this instruction.
    Watched(usize),
    /// This instruction trapped, without effect.
    Trapped(usize, Trap),
    /// Executed up to here; what comes next may have changed.
    Stopped(usize),
}

/// How far it got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit {
    pub(crate) end: End,
    /// Instructions that are left, but for those of the block that was not done whole.
    pub(crate) left: u64,
    /// The first instruction of the last block.
    pub(crate) first: usize,
}

/// Executes the block with this `head` and those it leads to, for at most as many instructions as
/// are `left` before `until` are retired.
#[inline(never)]
pub(crate) fn execute<W: Watch, const PROFILE: bool>(
    x: &mut Registers,
    bus: &mut Bus,
    cache: &mut Cache,
    head: usize,
    (mut left, until): (u64, u64),
    watch: &mut W,
) -> Exit {
    let Cache { code, numbers, pcs, insts, exit_counts, sweeps, places, .. } = cache;
    let (code, numbers) = (&code[..], &numbers[..]);
    let map = Map { numbers, pcs };
    // The steps behind the present one.
    let mut rest;
    let mut start;
    macro_rules! exit {
        ($end:expr) => {
            return Exit { end: $end, left, first: numbers[start] as usize }
        };
    }
    // Goes on at a block, or ends if that is longer than what is left.
    macro_rules! enter {
        ($head:expr) => {{
            start = $head;
            if u64::from(code[start].a.imm as u32) > left {
                exit!(End::Cut(start));
            }
            rest = code[start + 1..].iter();
        }};
    }
    // The number of the present step.
    macro_rules! ip {
        () => {
            code.len() - rest.len() - 1
        };
    }
    // The number of the instruction.
    macro_rules! number {
        ($k:expr) => {
            numbers[ip!()] as usize + $k
        };
    }
    macro_rules! here {
        ($k:expr) => {
            map.at(ip!(), $k, start, until - left)
        };
    }
    macro_rules! load {
        ($half:expr, $k:expr, $fast:ident, $size:expr, $convert:expr) => {{
            let addr = rs1(x, $half).wrapping_add($half.imm as u32);
            match bus.fast.$fast(addr) {
                Some(value) => x[$half.rd as usize] = $convert(value),
                None => match load_slow(bus, addr, $size, &map, [ip!(), $k, start], until - left) {
                    Ok(value) => x[$half.rd as usize] = $convert(value),
                    Err(trap) => exit!(End::Trapped(number!($k), trap)),
                },
            }
        }};
    }
    macro_rules! store {
        ($half:expr, $k:expr, $fast:ident, $size:expr) => {{
            let addr = rs1(x, $half).wrapping_add($half.imm as u32);
            let value = rs2(x, $half);
            if bus.fast.$fast(addr, value).is_none() {
                match store_slow(bus, addr, value, $size, &map, [ip!(), $k, start], until - left) {
                    Stored::Done => {}
                    Stored::Stop => exit!(End::Stopped(number!($k))),
                    Stored::Trap(trap) => exit!(End::Trapped(number!($k), trap)),
                }
            }
        }};
    }
    // Leaves a block by a link.
    macro_rules! go {
        ($half:expr, $k:expr) => {{
            left -= u64::from($half.rd);
            if PROFILE {
                exit_counts[numbers[start] as usize + $half.rd as usize - 1] += 1;
            }
            let link = $half.imm as u32;
            if link & 1 == 0 {
                exit!(End::Unlinked { step: ip!(), part: $k, target: link });
            }
            enter!((link >> 1) as usize);
            continue;
        }};
    }
    macro_rules! branch {
        ($half:expr, $k:expr, $taken:expr) => {
            if $taken {
                go!($half, $k)
            }
        };
    }
    macro_rules! amo {
        ($inst:expr, $combine:expr) => {{
            let operand = rs2(x, $inst);
            match bus.modify(rs1(x, $inst), here!(0), |old| $combine(old, operand)) {
                Ok((old, Stored::Done)) => x[$inst.rd as usize] = old,
                Ok((old, _)) => {
                    x[$inst.rd as usize] = old;
                    exit!(End::Stopped(number!(0)));
                }
                Err(trap) => exit!(End::Trapped(number!(0), trap)),
            }
        }};
    }
    // The instructions that pairs are made of.
    macro_rules! step {
        (Li, $inst:expr, $k:expr) => {
            set(x, $inst, $inst.imm as u32)
        };
        (Addi, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_add($inst.imm as u32))
        };
        (Andi, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst) & $inst.imm as u32)
        };
        (Slli, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst) << ($inst.imm as u32 & 31))
        };
        (Srli, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst) >> ($inst.imm as u32 & 31))
        };
        (Add, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_add(rs2(x, $inst)))
        };
        (Sub, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_sub(rs2(x, $inst)))
        };
        (Or, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst) | rs2(x, $inst))
        };
        (And, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst) & rs2(x, $inst))
        };
        (Mul, $inst:expr, $k:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_mul(rs2(x, $inst)))
        };
        (Lb, $inst:expr, $k:expr) => {
            load!($inst, $k, load_byte, 1, |value| value as u8 as i8 as u32)
        };
        (Lbu, $inst:expr, $k:expr) => {
            load!($inst, $k, load_byte, 1, |value| value)
        };
        (Lw, $inst:expr, $k:expr) => {
            load!($inst, $k, load_word, 4, |value| value)
        };
        (Sb, $inst:expr, $k:expr) => {
            store!($inst, $k, store_byte, 1)
        };
        (Sw, $inst:expr, $k:expr) => {
            store!($inst, $k, store_word, 4)
        };
        (Beq, $inst:expr, $k:expr) => {
            branch!($inst, $k, rs1(x, $inst) == rs2(x, $inst))
        };
        (Bne, $inst:expr, $k:expr) => {
            branch!($inst, $k, rs1(x, $inst) != rs2(x, $inst))
        };
        (Bltu, $inst:expr, $k:expr) => {
            branch!($inst, $k, rs1(x, $inst) < rs2(x, $inst))
        };
        (Bgeu, $inst:expr, $k:expr) => {
            branch!($inst, $k, rs1(x, $inst) >= rs2(x, $inst))
        };
    }
    macro_rules! dispatch {
        (
            pairs { $($pair:ident = $first:ident $second:ident,)* }
            threes { $($three:ident = $one:ident $two:ident $last:ident,)* }
        ) => {
            loop {
                let step = rest.next().expect("a step that leads away");
                let inst = &step.a;
                if W::ON && watch.before(x, bus, &insts[number!(0)], pcs[number!(0)]) {
                    exit!(End::Watched(number!(0)));
                }
                let imm = inst.imm as u32;
                match inst.op {
                    Op::Li => step!(Li, inst, 0),
                    Op::Addi => step!(Addi, inst, 0),
                    Op::Slti => set(x, inst, u32::from((rs1(x, inst) as i32) < inst.imm)),
                    Op::Sltiu => set(x, inst, u32::from(rs1(x, inst) < imm)),
                    Op::Xori => set(x, inst, rs1(x, inst) ^ imm),
                    Op::Ori => set(x, inst, rs1(x, inst) | imm),
                    Op::Andi => step!(Andi, inst, 0),
                    Op::Slli => step!(Slli, inst, 0),
                    Op::Srli => step!(Srli, inst, 0),
                    Op::Srai => set(x, inst, (rs1(x, inst) as i32 >> (imm & 31)) as u32),
                    Op::Add => step!(Add, inst, 0),
                    Op::Sub => step!(Sub, inst, 0),
                    Op::Sll => set(x, inst, rs1(x, inst) << (rs2(x, inst) & 31)),
                    Op::Slt => set(x, inst, u32::from((rs1(x, inst) as i32) < rs2(x, inst) as i32)),
                    Op::Sltu => set(x, inst, u32::from(rs1(x, inst) < rs2(x, inst))),
                    Op::Xor => set(x, inst, rs1(x, inst) ^ rs2(x, inst)),
                    Op::Srl => set(x, inst, rs1(x, inst) >> (rs2(x, inst) & 31)),
                    Op::Sra => set(x, inst, (rs1(x, inst) as i32 >> (rs2(x, inst) & 31)) as u32),
                    Op::Or => step!(Or, inst, 0),
                    Op::And => step!(And, inst, 0),
                    Op::Mul => step!(Mul, inst, 0),
                    Op::Mulh => {
                        let product = i64::from(rs1(x, inst) as i32) * i64::from(rs2(x, inst) as i32);
                        set(x, inst, (product >> 32) as u32);
                    }
                    Op::Mulhsu => {
                        let product = i64::from(rs1(x, inst) as i32) * i64::from(rs2(x, inst));
                        set(x, inst, (product >> 32) as u32);
                    }
                    Op::Mulhu => {
                        let product = u64::from(rs1(x, inst)) * u64::from(rs2(x, inst));
                        set(x, inst, (product >> 32) as u32);
                    }
                    Op::Div => set(x, inst, signed_quotient(rs1(x, inst), rs2(x, inst))),
                    Op::Divu => set(x, inst, rs1(x, inst).checked_div(rs2(x, inst)).unwrap_or(u32::MAX)),
                    Op::Rem => set(x, inst, signed_remainder(rs1(x, inst), rs2(x, inst))),
                    Op::Remu => {
                        let dividend = rs1(x, inst);
                        set(x, inst, dividend.checked_rem(rs2(x, inst)).unwrap_or(dividend));
                    }
                    Op::Lb => step!(Lb, inst, 0),
                    Op::Lh => load!(inst, 0, load_half, 2, |value| value as u16 as i16 as u32),
                    Op::Lw => step!(Lw, inst, 0),
                    Op::Lbu => step!(Lbu, inst, 0),
                    Op::Lhu => load!(inst, 0, load_half, 2, |value| value),
                    Op::Sb => step!(Sb, inst, 0),
                    Op::Sh => store!(inst, 0, store_half, 2),
                    Op::Sw => step!(Sw, inst, 0),
                    Op::Beq => step!(Beq, inst, 0),
                    Op::Bne => step!(Bne, inst, 0),
                    Op::Blt => branch!(inst, 0, (rs1(x, inst) as i32) < rs2(x, inst) as i32),
                    Op::Bge => branch!(inst, 0, rs1(x, inst) as i32 >= rs2(x, inst) as i32),
                    Op::Bltu => step!(Bltu, inst, 0),
                    Op::Bgeu => step!(Bgeu, inst, 0),
                    Op::Jal => set(x, inst, imm),
                    Op::Jalr => {
                        let target = rs1(x, inst).wrapping_add(imm) & !1;
                        set(x, inst, step.b.imm as u32);
                        left -= u64::from(inst.rs2);
                        if PROFILE {
                            exit_counts[numbers[ip!()] as usize] += 1;
                        }
                        match places.find(target) {
                            Some(head) => enter!(head),
                            None => exit!(End::Jump(target)),
                        }
                        continue;
                    }
                    Op::Sweep => {
                        let spare = left - u64::from(code[start].a.imm as u32);
                        let sweep = &sweeps[imm as usize];
                        let rounds = sweep.run(x, &mut bus.fast, spare);
                        left -= u64::from(rounds) * u64::from(sweep.len());
                        if PROFILE {
                            let last = numbers[start] as usize + sweep.len() as usize - 1;
                            exit_counts[last] += u64::from(rounds);
                        }
                    }
                    Op::Through => go!(inst, 0),
                    Op::Fence => {}
                    Op::Lr => match bus.load_reserved(rs1(x, inst), here!(0)) {
                        Ok(value) => set(x, inst, value),
                        Err(trap) => exit!(End::Trapped(number!(0), trap)),
                    },
                    Op::Sc => match bus.store_conditional(rs1(x, inst), rs2(x, inst), here!(0)) {
                        Ok((failed, Stored::Done)) => set(x, inst, failed),
                        Ok((failed, _)) => {
                            set(x, inst, failed);
                            exit!(End::Stopped(number!(0)));
                        }
                        Err(trap) => exit!(End::Trapped(number!(0), trap)),
                    },
                    Op::AmoSwap => amo!(inst, |_, operand| operand),
                    Op::AmoAdd => amo!(inst, u32::wrapping_add),
                    Op::AmoXor => amo!(inst, |old, operand| old ^ operand),
                    Op::AmoAnd => amo!(inst, |old, operand| old & operand),
                    Op::AmoOr => amo!(inst, |old, operand| old | operand),
                    Op::AmoMin => amo!(inst, |old, operand| (old as i32).min(operand as i32) as u32),
                    Op::AmoMax => amo!(inst, |old, operand| (old as i32).max(operand as i32) as u32),
                    Op::AmoMinu => amo!(inst, u32::min),
                    Op::AmoMaxu => amo!(inst, u32::max),
                    $(Op::$pair => {
                        step!($first, inst, 0);
                        step!($second, &step.b, 1);
                    })*
                    $(Op::$three => {
                        step!($one, inst, 0);
                        step!($two, &step.b, 1);
                        step!($last, &step.c, 2);
                    })*
                    Op::FenceI
                    | Op::Csrrw
                    | Op::Csrrs
                    | Op::Csrrc
                    | Op::Csrrwi
                    | Op::Csrrsi
                    | Op::Csrrci
                    | Op::Ecall
                    | Op::Ebreak
                    | Op::Mret
                    | Op::Wfi
                    | Op::Hint
                    | Op::Stale
                    | Op::Break
                    | Op::Illegal
                    | Op::Head => exit!(End::System(number!(0))),
                }
            }
        };
    }
    enter!(head);
    with_runs!(dispatch)
}

/// Finds instructions by the steps that execute them.
#[derive(Clone, Copy)]
struct Map<'c> {
    numbers: &'c [u32],
    pcs: &'c [u32],
}

impl Map<'_> {
    /// Part `k` of the step at `ip`, in the block at `start` before which `done` instructions were
    /// retired.
    fn at(&self, ip: usize, k: usize, start: usize, done: u64) -> At {
        let number = self.numbers[ip] as usize + k;
        let now = done + (number - self.numbers[start] as usize) as u64 + 1;
        At { pc: self.pcs[number], now }
    }
}

#[cold]
#[inline(never)]
fn load_slow(
    bus: &mut Bus,
    addr: u32,
    size_bytes: u32,
    map: &Map<'_>,
    [ip, k, start]: [usize; 3],
    done: u64,
) -> Result<u32, Trap> {
    bus.load_slow(addr, size_bytes, map.at(ip, k, start, done))
}

#[cold]
#[inline(never)]
fn store_slow(
    bus: &mut Bus,
    addr: u32,
    value: u32,
    size_bytes: u32,
    map: &Map<'_>,
    [ip, k, start]: [usize; 3],
    done: u64,
) -> Stored {
    bus.store_slow(addr, value, size_bytes, map.at(ip, k, start, done))
}

#[inline(always)]
fn rs1(x: &Registers, inst: &Inst) -> u32 {
    x[inst.rs1 as usize]
}

#[inline(always)]
fn rs2(x: &Registers, inst: &Inst) -> u32 {
    x[inst.rs2 as usize]
}

#[inline(always)]
fn set(x: &mut Registers, inst: &Inst, value: u32) {
    x[inst.rd as usize] = value;
}

fn signed_quotient(dividend: u32, divisor: u32) -> u32 {
    match divisor {
        0 => u32::MAX,
        _ => (dividend as i32).wrapping_div(divisor as i32) as u32,
    }
}

fn signed_remainder(dividend: u32, divisor: u32) -> u32 {
    match divisor {
        0 => dividend,
        _ => (dividend as i32).wrapping_rem(divisor as i32) as u32,
    }
}
