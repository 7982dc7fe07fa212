//! The hot loop: the instructions of a block, one after the other.

use crate::bus::{Bus, Stored};
use crate::inst::{Inst, Op, Registers};
use crate::trap::Trap;
use crate::watch::Watch;

/// How a block ended; the number is that of the instruction in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All of it was executed.
    Through,
    /// This branch was taken.
    Taken(usize),
    /// This indirect jump goes to an address.
    Jump(usize, u32),
    /// This instruction is the machine's to do; it has not been executed.
    System(usize),
    /// Someone wants to look before this instruction.
    Watched(usize),
    /// This instruction trapped, without effect.
    Trapped(usize, Trap),
    /// Executed up to here; what comes next may have changed.
    Stopped(usize),
}

/// Executes `insts` until one of them leads away.
#[inline(always)]
pub(crate) fn execute<W: Watch>(
    x: &mut Registers,
    bus: &mut Bus,
    insts: &[Inst],
    watch: &mut W,
) -> End {
    macro_rules! load {
        ($i:expr, $inst:expr, $method:ident, $convert:expr) => {{
            let addr = rs1(x, $inst).wrapping_add($inst.imm as u32);
            match bus.$method(addr, $i) {
                Ok(value) => x[$inst.rd as usize] = $convert(value),
                Err(trap) => return End::Trapped($i, trap),
            }
        }};
    }
    macro_rules! store {
        ($i:expr, $inst:expr, $method:ident) => {{
            let addr = rs1(x, $inst).wrapping_add($inst.imm as u32);
            match bus.$method(addr, rs2(x, $inst), $i) {
                Stored::Done => {}
                Stored::Stop => return End::Stopped($i),
                Stored::Trap(trap) => return End::Trapped($i, trap),
            }
        }};
    }
    macro_rules! branch {
        ($i:expr, $taken:expr) => {
            if $taken {
                return End::Taken($i);
            }
        };
    }
    macro_rules! amo {
        ($i:expr, $inst:expr, $combine:expr) => {{
            let operand = rs2(x, $inst);
            match bus.modify(rs1(x, $inst), $i, |old| $combine(old, operand)) {
                Ok((old, Stored::Done)) => x[$inst.rd as usize] = old,
                Ok((old, _)) => {
                    x[$inst.rd as usize] = old;
                    return End::Stopped($i);
                }
                Err(trap) => return End::Trapped($i, trap),
            }
        }};
    }
    for (i, inst) in insts.iter().enumerate() {
        if W::ON && watch.before(x, bus, inst) {
            return End::Watched(i);
        }
        let imm = inst.imm as u32;
        match inst.op {
            Op::Li => set(x, inst, imm),
            Op::Addi => set(x, inst, rs1(x, inst).wrapping_add(imm)),
            Op::Slti => set(x, inst, u32::from((rs1(x, inst) as i32) < inst.imm)),
            Op::Sltiu => set(x, inst, u32::from(rs1(x, inst) < imm)),
            Op::Xori => set(x, inst, rs1(x, inst) ^ imm),
            Op::Ori => set(x, inst, rs1(x, inst) | imm),
            Op::Andi => set(x, inst, rs1(x, inst) & imm),
            Op::Slli => set(x, inst, rs1(x, inst) << (imm & 31)),
            Op::Srli => set(x, inst, rs1(x, inst) >> (imm & 31)),
            Op::Srai => set(x, inst, (rs1(x, inst) as i32 >> (imm & 31)) as u32),
            Op::Add => set(x, inst, rs1(x, inst).wrapping_add(rs2(x, inst))),
            Op::Sub => set(x, inst, rs1(x, inst).wrapping_sub(rs2(x, inst))),
            Op::Sll => set(x, inst, rs1(x, inst) << (rs2(x, inst) & 31)),
            Op::Slt => set(x, inst, u32::from((rs1(x, inst) as i32) < rs2(x, inst) as i32)),
            Op::Sltu => set(x, inst, u32::from(rs1(x, inst) < rs2(x, inst))),
            Op::Xor => set(x, inst, rs1(x, inst) ^ rs2(x, inst)),
            Op::Srl => set(x, inst, rs1(x, inst) >> (rs2(x, inst) & 31)),
            Op::Sra => set(x, inst, (rs1(x, inst) as i32 >> (rs2(x, inst) & 31)) as u32),
            Op::Or => set(x, inst, rs1(x, inst) | rs2(x, inst)),
            Op::And => set(x, inst, rs1(x, inst) & rs2(x, inst)),
            Op::Mul => set(x, inst, rs1(x, inst).wrapping_mul(rs2(x, inst))),
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
            Op::Lb => load!(i, inst, load_byte, |value| value as u8 as i8 as u32),
            Op::Lh => load!(i, inst, load_half, |value| value as u16 as i16 as u32),
            Op::Lw => load!(i, inst, load_word, |value| value),
            Op::Lbu => load!(i, inst, load_byte, |value| value),
            Op::Lhu => load!(i, inst, load_half, |value| value),
            Op::Sb => store!(i, inst, store_byte),
            Op::Sh => store!(i, inst, store_half),
            Op::Sw => store!(i, inst, store_word),
            Op::Beq => branch!(i, rs1(x, inst) == rs2(x, inst)),
            Op::Bne => branch!(i, rs1(x, inst) != rs2(x, inst)),
            Op::Blt => branch!(i, (rs1(x, inst) as i32) < rs2(x, inst) as i32),
            Op::Bge => branch!(i, rs1(x, inst) as i32 >= rs2(x, inst) as i32),
            Op::Bltu => branch!(i, rs1(x, inst) < rs2(x, inst)),
            Op::Bgeu => branch!(i, rs1(x, inst) >= rs2(x, inst)),
            Op::Jal => set(x, inst, imm),
            Op::Jalr => return End::Jump(i, rs1(x, inst).wrapping_add(imm) & !1),
            Op::Fence => {}
            Op::Lr => match bus.load_reserved(rs1(x, inst), i) {
                Ok(value) => set(x, inst, value),
                Err(trap) => return End::Trapped(i, trap),
            },
            Op::Sc => match bus.store_conditional(rs1(x, inst), rs2(x, inst), i) {
                Ok((failed, Stored::Done)) => set(x, inst, failed),
                Ok((failed, _)) => {
                    set(x, inst, failed);
                    return End::Stopped(i);
                }
                Err(trap) => return End::Trapped(i, trap),
            },
            Op::AmoSwap => amo!(i, inst, |_, operand| operand),
            Op::AmoAdd => amo!(i, inst, u32::wrapping_add),
            Op::AmoXor => amo!(i, inst, |old, operand| old ^ operand),
            Op::AmoAnd => amo!(i, inst, |old, operand| old & operand),
            Op::AmoOr => amo!(i, inst, |old, operand| old | operand),
            Op::AmoMin => amo!(i, inst, |old, operand| (old as i32).min(operand as i32) as u32),
            Op::AmoMax => amo!(i, inst, |old, operand| (old as i32).max(operand as i32) as u32),
            Op::AmoMinu => amo!(i, inst, u32::min),
            Op::AmoMaxu => amo!(i, inst, u32::max),
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
            | Op::Illegal => return End::System(i),
        }
    }
    End::Through
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
