//! What gdb may ask of the machine.

use gdbstub::common::Signal;
use gdbstub::target::ext::base::BaseOps;
use gdbstub::target::ext::base::single_register_access::{
    SingleRegisterAccess, SingleRegisterAccessOps,
};
use gdbstub::target::ext::base::singlethread::{
    SingleThreadBase, SingleThreadResume, SingleThreadResumeOps, SingleThreadSingleStep,
    SingleThreadSingleStepOps,
};
use gdbstub::target::ext::breakpoints::{
    Breakpoints, BreakpointsOps, HwBreakpoint, HwBreakpointOps, HwWatchpoint, HwWatchpointOps,
    SwBreakpoint, SwBreakpointOps, WatchKind,
};
use gdbstub::target::ext::monitor_cmd::{ConsoleOutput, MonitorCmd, MonitorCmdOps, outputln};
use gdbstub::target::ext::target_description_xml_override::{
    TargetDescriptionXmlOverride, TargetDescriptionXmlOverrideOps,
};
use gdbstub::target::{Target, TargetError, TargetResult};
use gdbstub_arch::riscv::Riscv32;
use gdbstub_arch::riscv::reg::RiscvCoreRegs;
use gdbstub_arch::riscv::reg::id::RiscvRegId;

use super::{Debugged, description, monitor};
use crate::debug::WatchedAccess;

impl Target for Debugged<'_> {
    type Arch = Riscv32;
    type Error = String;

    fn base_ops(&mut self) -> BaseOps<'_, Self::Arch, Self::Error> {
        BaseOps::SingleThread(self)
    }

    fn support_breakpoints(&mut self) -> Option<BreakpointsOps<'_, Self>> {
        Some(self)
    }

    fn support_monitor_cmd(&mut self) -> Option<MonitorCmdOps<'_, Self>> {
        Some(self)
    }

    fn support_target_description_xml_override(
        &mut self,
    ) -> Option<TargetDescriptionXmlOverrideOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadBase for Debugged<'_> {
    fn read_registers(&mut self, registers: &mut RiscvCoreRegs<u32>) -> TargetResult<(), Self> {
        for (number, register) in (0..).zip(&mut registers.x) {
            *register = self.machine.register(number);
        }
        registers.pc = self.machine.pc();
        Ok(())
    }

    fn write_registers(&mut self, registers: &RiscvCoreRegs<u32>) -> TargetResult<(), Self> {
        for (number, register) in (0..).zip(registers.x) {
            self.machine.set_register(number, register);
        }
        self.machine.set_pc(registers.pc);
        Ok(())
    }

    fn support_single_register_access(&mut self) -> Option<SingleRegisterAccessOps<'_, (), Self>> {
        Some(self)
    }

    fn read_addrs(&mut self, start_addr: u32, data: &mut [u8]) -> TargetResult<usize, Self> {
        let mut read = 0;
        for (addr, byte) in (start_addr..).zip(data) {
            let Some(value) = self.machine.byte(addr) else { break };
            *byte = value;
            read += 1;
        }
        if read == 0 { Err(TargetError::NonFatal) } else { Ok(read) }
    }

    fn write_addrs(&mut self, start_addr: u32, data: &[u8]) -> TargetResult<(), Self> {
        let is_done = self.machine.set_bytes(start_addr, data);
        is_done.then_some(()).ok_or(TargetError::NonFatal)
    }

    fn support_resume(&mut self) -> Option<SingleThreadResumeOps<'_, Self>> {
        Some(self)
    }
}

impl SingleRegisterAccess<()> for Debugged<'_> {
    fn read_register(
        &mut self,
        (): (),
        id: RiscvRegId<u32>,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        let value = match id {
            RiscvRegId::Gpr(number) => Some(self.machine.register(number)),
            RiscvRegId::Pc => Some(self.machine.pc()),
            RiscvRegId::Csr(number) => self.machine.csr(number.into()),
            _ => None,
        };
        let bytes = value.ok_or(TargetError::NonFatal)?.to_le_bytes();
        let to = buffer.get_mut(..bytes.len()).ok_or(TargetError::NonFatal)?;
        to.copy_from_slice(&bytes);
        Ok(bytes.len())
    }

    fn write_register(
        &mut self,
        (): (),
        id: RiscvRegId<u32>,
        value: &[u8],
    ) -> TargetResult<(), Self> {
        let value = value.try_into().map(u32::from_le_bytes).map_err(|_| TargetError::NonFatal)?;
        match id {
            RiscvRegId::Gpr(number) => self.machine.set_register(number, value),
            RiscvRegId::Pc => self.machine.set_pc(value),
            _ => return Err(TargetError::NonFatal),
        }
        Ok(())
    }
}

impl SingleThreadResume for Debugged<'_> {
    fn resume(&mut self, _: Option<Signal>) -> Result<(), String> {
        self.is_stepping = false;
        Ok(())
    }

    fn support_single_step(&mut self) -> Option<SingleThreadSingleStepOps<'_, Self>> {
        Some(self)
    }
}

impl SingleThreadSingleStep for Debugged<'_> {
    fn step(&mut self, _: Option<Signal>) -> Result<(), String> {
        self.is_stepping = true;
        Ok(())
    }
}

impl Breakpoints for Debugged<'_> {
    fn support_sw_breakpoint(&mut self) -> Option<SwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_breakpoint(&mut self) -> Option<HwBreakpointOps<'_, Self>> {
        Some(self)
    }

    fn support_hw_watchpoint(&mut self) -> Option<HwWatchpointOps<'_, Self>> {
        Some(self)
    }
}

impl SwBreakpoint for Debugged<'_> {
    fn add_sw_breakpoint(&mut self, addr: u32, _: usize) -> TargetResult<bool, Self> {
        self.machine.add_breakpoint(addr);
        Ok(true)
    }

    fn remove_sw_breakpoint(&mut self, addr: u32, _: usize) -> TargetResult<bool, Self> {
        Ok(self.machine.remove_breakpoint(addr))
    }
}

impl HwBreakpoint for Debugged<'_> {
    fn add_hw_breakpoint(&mut self, addr: u32, kind: usize) -> TargetResult<bool, Self> {
        self.add_sw_breakpoint(addr, kind)
    }

    fn remove_hw_breakpoint(&mut self, addr: u32, kind: usize) -> TargetResult<bool, Self> {
        self.remove_sw_breakpoint(addr, kind)
    }
}

impl HwWatchpoint for Debugged<'_> {
    fn add_hw_watchpoint(
        &mut self,
        addr: u32,
        len_bytes: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        self.watchpoints.add(addr, len_bytes, access_of(kind));
        Ok(true)
    }

    fn remove_hw_watchpoint(
        &mut self,
        addr: u32,
        len_bytes: u32,
        kind: WatchKind,
    ) -> TargetResult<bool, Self> {
        Ok(self.watchpoints.remove(addr, len_bytes, access_of(kind)))
    }
}

fn access_of(kind: WatchKind) -> WatchedAccess {
    match kind {
        WatchKind::Write => WatchedAccess::Write,
        WatchKind::Read => WatchedAccess::Read,
        WatchKind::ReadWrite => WatchedAccess::Any,
    }
}

impl MonitorCmd for Debugged<'_> {
    fn handle_monitor_cmd(
        &mut self,
        command: &[u8],
        mut out: ConsoleOutput<'_>,
    ) -> Result<(), String> {
        let answer = monitor::answer(self.machine, &String::from_utf8_lossy(command));
        answer.lines().for_each(|line| outputln!(out, "{}", line));
        Ok(())
    }
}

impl TargetDescriptionXmlOverride for Debugged<'_> {
    fn target_description_xml(
        &self,
        annex: &[u8],
        offset: u64,
        length: usize,
        buffer: &mut [u8],
    ) -> TargetResult<usize, Self> {
        if annex != b"target.xml" {
            return Err(TargetError::NonFatal);
        }
        let text = description::text();
        let rest = text.as_bytes().get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(length).min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}
