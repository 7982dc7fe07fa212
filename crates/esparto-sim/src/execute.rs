//! The hot loop: the instructions of a block, one after the other.

use crate::bus::{Bus, Stored};
use crate::inst::{Inst, LOOP, Op, Registers};
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

/// Executes `insts`, a block or its beginning, until one of them leads away.
///
/// A branch back to the block's own start goes round here, while a whole round is left before
/// `until` instructions are retired. `bus.base` counts what was retired in such rounds.
#[inline(always)]
pub(crate) fn execute<W: Watch>(
    x: &mut Registers,
    bus: &mut Bus,
    insts: &[Inst],
    pcs: &[u32],
    until: u64,
    watch: &mut W,
) -> End {
    let mut i = 0;
    macro_rules! load {
        ($inst:expr, $method:ident, $convert:expr) => {{
            let addr = rs1(x, $inst).wrapping_add($inst.imm as u32);
            match bus.$method(addr, i) {
                Ok(value) => x[$inst.rd as usize] = $convert(value),
                Err(trap) => return End::Trapped(i, trap),
            }
        }};
    }
    macro_rules! store {
        ($inst:expr, $method:ident) => {{
            let addr = rs1(x, $inst).wrapping_add($inst.imm as u32);
            match bus.$method(addr, rs2(x, $inst), i) {
                Stored::Done => {}
                Stored::Stop => return End::Stopped(i),
                Stored::Trap(trap) => return End::Trapped(i, trap),
            }
        }};
    }
    macro_rules! branch {
        ($inst:expr, $taken:expr) => {
            if $taken {
                let round = i as u64 + 1;
                if $inst.rd == LOOP
                    && bus.base + round + insts.len() as u64 <= until
                    && bus.written.is_empty()
                {
                    bus.base += round;
                    i = 0;
                    continue;
                }
                return End::Taken(i);
            }
        };
    }
    macro_rules! amo {
        ($inst:expr, $combine:expr) => {{
            let operand = rs2(x, $inst);
            match bus.modify(rs1(x, $inst), i, |old| $combine(old, operand)) {
                Ok((old, Stored::Done)) => x[$inst.rd as usize] = old,
                Ok((old, _)) => {
                    x[$inst.rd as usize] = old;
                    return End::Stopped(i);
                }
                Err(trap) => return End::Trapped(i, trap),
            }
        }};
    }
    // The instructions that pairs are made of.
    macro_rules! step {
        (Li, $inst:expr) => {
            set(x, $inst, $inst.imm as u32)
        };
        (Addi, $inst:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_add($inst.imm as u32))
        };
        (Andi, $inst:expr) => {
            set(x, $inst, rs1(x, $inst) & $inst.imm as u32)
        };
        (Slli, $inst:expr) => {
            set(x, $inst, rs1(x, $inst) << ($inst.imm as u32 & 31))
        };
        (Srli, $inst:expr) => {
            set(x, $inst, rs1(x, $inst) >> ($inst.imm as u32 & 31))
        };
        (Add, $inst:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_add(rs2(x, $inst)))
        };
        (Sub, $inst:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_sub(rs2(x, $inst)))
        };
        (Or, $inst:expr) => {
            set(x, $inst, rs1(x, $inst) | rs2(x, $inst))
        };
        (And, $inst:expr) => {
            set(x, $inst, rs1(x, $inst) & rs2(x, $inst))
        };
        (Mul, $inst:expr) => {
            set(x, $inst, rs1(x, $inst).wrapping_mul(rs2(x, $inst)))
        };
        (Lb, $inst:expr) => {
            load!($inst, load_byte, |value| value as u8 as i8 as u32)
        };
        (Lbu, $inst:expr) => {
            load!($inst, load_byte, |value| value)
        };
        (Lw, $inst:expr) => {
            load!($inst, load_word, |value| value)
        };
        (Sb, $inst:expr) => {
            store!($inst, store_byte)
        };
        (Sw, $inst:expr) => {
            store!($inst, store_word)
        };
        (Beq, $inst:expr) => {
            branch!($inst, rs1(x, $inst) == rs2(x, $inst))
        };
        (Bne, $inst:expr) => {
            branch!($inst, rs1(x, $inst) != rs2(x, $inst))
        };
        (Bltu, $inst:expr) => {
            branch!($inst, rs1(x, $inst) < rs2(x, $inst))
        };
        (Bgeu, $inst:expr) => {
            branch!($inst, rs1(x, $inst) >= rs2(x, $inst))
        };
        (Jalr, $inst:expr) => {
            return End::Jump(i, rs1(x, $inst).wrapping_add($inst.imm as u32) & !1)
        };
    }
    // Two instructions by one look at the first: the second still stands where it stood.
    macro_rules! pair {
        ($first:ident, $second:ident, $inst:expr) => {{
            step!($first, $inst);
            i += 1;
            let Some(second) = insts.get(i) else { return End::Through };
            step!($second, second)
        }};
    }
    macro_rules! three {
        ($first:ident, $second:ident, $third:ident, $inst:expr) => {{
            pair!($first, $second, $inst);
            i += 1;
            let Some(third) = insts.get(i) else { return End::Through };
            step!($third, third)
        }};
    }
    while let Some(inst) = insts.get(i) {
        if W::ON && watch.before(x, bus, inst, pcs[i]) {
            return End::Watched(i);
        }
        let imm = inst.imm as u32;
        match inst.op {
            Op::Li => step!(Li, inst),
            Op::Addi => step!(Addi, inst),
            Op::Slti => set(x, inst, u32::from((rs1(x, inst) as i32) < inst.imm)),
            Op::Sltiu => set(x, inst, u32::from(rs1(x, inst) < imm)),
            Op::Xori => set(x, inst, rs1(x, inst) ^ imm),
            Op::Ori => set(x, inst, rs1(x, inst) | imm),
            Op::Andi => step!(Andi, inst),
            Op::Slli => step!(Slli, inst),
            Op::Srli => step!(Srli, inst),
            Op::Srai => set(x, inst, (rs1(x, inst) as i32 >> (imm & 31)) as u32),
            Op::Add => step!(Add, inst),
            Op::Sub => step!(Sub, inst),
            Op::Sll => set(x, inst, rs1(x, inst) << (rs2(x, inst) & 31)),
            Op::Slt => set(x, inst, u32::from((rs1(x, inst) as i32) < rs2(x, inst) as i32)),
            Op::Sltu => set(x, inst, u32::from(rs1(x, inst) < rs2(x, inst))),
            Op::Xor => set(x, inst, rs1(x, inst) ^ rs2(x, inst)),
            Op::Srl => set(x, inst, rs1(x, inst) >> (rs2(x, inst) & 31)),
            Op::Sra => set(x, inst, (rs1(x, inst) as i32 >> (rs2(x, inst) & 31)) as u32),
            Op::Or => step!(Or, inst),
            Op::And => step!(And, inst),
            Op::Mul => step!(Mul, inst),
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
            Op::Lb => step!(Lb, inst),
            Op::Lh => load!(inst, load_half, |value| value as u16 as i16 as u32),
            Op::Lw => step!(Lw, inst),
            Op::Lbu => step!(Lbu, inst),
            Op::Lhu => load!(inst, load_half, |value| value),
            Op::Sb => step!(Sb, inst),
            Op::Sh => store!(inst, store_half),
            Op::Sw => step!(Sw, inst),
            Op::Beq => step!(Beq, inst),
            Op::Bne => step!(Bne, inst),
            Op::Blt => branch!(inst, (rs1(x, inst) as i32) < rs2(x, inst) as i32),
            Op::Bge => branch!(inst, rs1(x, inst) as i32 >= rs2(x, inst) as i32),
            Op::Bltu => step!(Bltu, inst),
            Op::Bgeu => step!(Bgeu, inst),
            Op::Jal => set(x, inst, imm),
            Op::Jalr => step!(Jalr, inst),
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
            Op::AmoSwap => amo!(inst, |_, operand| operand),
            Op::AmoAdd => amo!(inst, u32::wrapping_add),
            Op::AmoXor => amo!(inst, |old, operand| old ^ operand),
            Op::AmoAnd => amo!(inst, |old, operand| old & operand),
            Op::AmoOr => amo!(inst, |old, operand| old | operand),
            Op::AmoMin => amo!(inst, |old, operand| (old as i32).min(operand as i32) as u32),
            Op::AmoMax => amo!(inst, |old, operand| (old as i32).max(operand as i32) as u32),
            Op::AmoMinu => amo!(inst, u32::min),
            Op::AmoMaxu => amo!(inst, u32::max),
            Op::LwSw => pair!(Lw, Sw, inst),
            Op::LwAddi => pair!(Lw, Addi, inst),
            Op::LwLw => pair!(Lw, Lw, inst),
            Op::LwLi => pair!(Lw, Li, inst),
            Op::LwBeq => pair!(Lw, Beq, inst),
            Op::LwAdd => pair!(Lw, Add, inst),
            Op::LwMul => pair!(Lw, Mul, inst),
            Op::SwAddi => pair!(Sw, Addi, inst),
            Op::SwSw => pair!(Sw, Sw, inst),
            Op::SwLi => pair!(Sw, Li, inst),
            Op::SwLw => pair!(Sw, Lw, inst),
            Op::LbLb => pair!(Lb, Lb, inst),
            Op::LbAddi => pair!(Lb, Addi, inst),
            Op::LbMul => pair!(Lb, Mul, inst),
            Op::LbuAddi => pair!(Lbu, Addi, inst),
            Op::LbuAdd => pair!(Lbu, Add, inst),
            Op::SbAddi => pair!(Sb, Addi, inst),
            Op::SbBne => pair!(Sb, Bne, inst),
            Op::AddiAddi => pair!(Addi, Addi, inst),
            Op::AddiBltu => pair!(Addi, Bltu, inst),
            Op::AddiBne => pair!(Addi, Bne, inst),
            Op::AddiAdd => pair!(Addi, Add, inst),
            Op::AddiSub => pair!(Addi, Sub, inst),
            Op::AddiSw => pair!(Addi, Sw, inst),
            Op::AddiSb => pair!(Addi, Sb, inst),
            Op::AddiLi => pair!(Addi, Li, inst),
            Op::AddiAnd => pair!(Addi, And, inst),
            Op::AddiJalr => pair!(Addi, Jalr, inst),
            Op::LiSub => pair!(Li, Sub, inst),
            Op::LiAddi => pair!(Li, Addi, inst),
            Op::LiJalr => pair!(Li, Jalr, inst),
            Op::SubLw => pair!(Sub, Lw, inst),
            Op::SubSw => pair!(Sub, Sw, inst),
            Op::SubAndi => pair!(Sub, Andi, inst),
            Op::AddLw => pair!(Add, Lw, inst),
            Op::AddBne => pair!(Add, Bne, inst),
            Op::AddBltu => pair!(Add, Bltu, inst),
            Op::AddAdd => pair!(Add, Add, inst),
            Op::AddAddi => pair!(Add, Addi, inst),
            Op::AddLi => pair!(Add, Li, inst),
            Op::MulAddi => pair!(Mul, Addi, inst),
            Op::MulAdd => pair!(Mul, Add, inst),
            Op::AndiAdd => pair!(Andi, Add, inst),
            Op::SlliAdd => pair!(Slli, Add, inst),
            Op::SlliSrli => pair!(Slli, Srli, inst),
            Op::SlliOr => pair!(Slli, Or, inst),
            Op::SrliAnd => pair!(Srli, And, inst),
            Op::SrliOr => pair!(Srli, Or, inst),
            Op::AndOr => pair!(And, Or, inst),
            Op::BeqBne => pair!(Beq, Bne, inst),
            Op::AddiAddiBltu => three!(Addi, Addi, Bltu, inst),
            Op::AddiAddiBne => three!(Addi, Addi, Bne, inst),
            Op::LiSubLw => three!(Li, Sub, Lw, inst),
            Op::LiSubSw => three!(Li, Sub, Sw, inst),
            Op::AddLwBeq => three!(Add, Lw, Beq, inst),
            Op::LwSwAddi => three!(Lw, Sw, Addi, inst),
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
            | Op::Illegal => return End::System(i),
        }
        i += 1;
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
