//! Semihosting: what a program may ask of the desk.
//!
//! Only what firmware needs to be tested: text out, one file to write, its command line, the end.
//! Every other request is refused, so a program cannot reach the files of the user.

use std::io::Write;

use crate::bus::Bus;

const CONSOLE: &[u8] = b":tt";
const REFUSED: u32 = u32::MAX;
const CONSOLE_HANDLE: u32 = 1;
const FILE_HANDLE: u32 = 2;
/// ENOENT: what is not offered is not there.
const ERROR_NUMBER: u32 = 2;
/// The longest name or text that is read from the program, in bytes.
const MAX_TEXT_BYTES: u32 = 1 << 16;

/// What came of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The result, for `a0`.
    Value(u32),
    /// The program ends.
    Exit(u32),
}

/// The desk's side.
#[derive(Default)]
pub(crate) struct Semihost {
    pub(crate) command_line: String,
    file: Option<(String, Box<dyn Write>)>,
    /// What the file's writer refused, once.
    pub(crate) error: Option<std::io::Error>,
}

impl std::fmt::Debug for Semihost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Semihost").field("command_line", &self.command_line).finish_non_exhaustive()
    }
}

impl Semihost {
    /// The program may create and write the file called `name`.
    pub(crate) fn offer(&mut self, name: String, file: Box<dyn Write>) {
        self.file = Some((name, file));
    }

    /// Answers request `number`, whose arguments are at `block_addr`; `text` takes what is said.
    pub(crate) fn answer(
        &mut self,
        number: u32,
        block_addr: u32,
        bus: &mut Bus,
        text: &mut Vec<u8>,
        instructions: u64,
    ) -> Answer {
        let argument = |bus: &Bus, index: u32| word(bus, block_addr.wrapping_add(4 * index));
        let value = match number {
            // SYS_OPEN: name, mode, length of the name
            0x01 => {
                let name = argument(bus, 0)
                    .zip(argument(bus, 2))
                    .and_then(|(addr, len)| bytes(bus, addr, len));
                match name.as_deref() {
                    Some(CONSOLE) => CONSOLE_HANDLE,
                    Some(name) if self.file.as_ref().is_some_and(|f| f.0.as_bytes() == name) => {
                        FILE_HANDLE
                    }
                    _ => REFUSED,
                }
            }
            // SYS_CLOSE
            0x02 => match argument(bus, 0) {
                Some(CONSOLE_HANDLE) => 0,
                Some(FILE_HANDLE) => self.flush(),
                _ => REFUSED,
            },
            // SYS_WRITEC, SYS_WRITE0
            0x03 => {
                text.extend(bus.peek(block_addr));
                0
            }
            0x04 => {
                let chars = (0..MAX_TEXT_BYTES).map_while(|k| bus.peek(block_addr.wrapping_add(k)));
                text.extend(chars.take_while(|&byte| byte != 0));
                0
            }
            // SYS_WRITE: handle, address, length; gives what was not written
            0x05 => {
                let (handle, addr, len) = (argument(bus, 0), argument(bus, 1), argument(bus, 2));
                match (handle, addr.zip(len).and_then(|(addr, len)| bytes(bus, addr, len))) {
                    (Some(CONSOLE_HANDLE), Some(said)) => {
                        text.extend(said);
                        0
                    }
                    (Some(FILE_HANDLE), Some(data)) => self.write(&data),
                    _ => len.unwrap_or(REFUSED),
                }
            }
            // SYS_READ: there is no input; gives what was not read
            0x06 => argument(bus, 2).unwrap_or(REFUSED),
            // SYS_ISTTY
            0x09 => u32::from(argument(bus, 0) == Some(CONSOLE_HANDLE)),
            // SYS_CLOCK in hundredths, SYS_ELAPSED in nanoseconds, of which one is an instruction
            0x10 => (instructions / 10_000_000) as u32,
            0x30 => put_words(bus, block_addr, [instructions as u32, (instructions >> 32) as u32]),
            0x31 => 1_000_000_000,
            // SYS_ERRNO
            0x13 => ERROR_NUMBER,
            // SYS_GET_CMDLINE: address, length of the buffer
            0x15 => self.put_command_line(argument(bus, 0), argument(bus, 1), block_addr, bus),
            // SYS_EXIT: the reason itself; SYS_EXIT_EXTENDED: reason, code
            0x18 => return Answer::Exit(u32::from(block_addr != 0x20026)),
            0x20 => return Answer::Exit(argument(bus, 1).unwrap_or(1)),
            _ => REFUSED,
        };
        Answer::Value(value)
    }

    fn put_command_line(
        &self,
        addr: Option<u32>,
        len: Option<u32>,
        block_addr: u32,
        bus: &mut Bus,
    ) -> u32 {
        let (Some(addr), Some(len)) = (addr, len) else { return REFUSED };
        let line = self.command_line.as_bytes();
        if len as usize <= line.len() {
            return REFUSED;
        }
        let is_put = bus.put(addr, line).is_ok()
            && bus.put(addr.wrapping_add(line.len() as u32), &[0]).is_ok()
            && bus.put(block_addr.wrapping_add(4), &(line.len() as u32).to_le_bytes()).is_ok();
        if is_put { 0 } else { REFUSED }
    }

    fn write(&mut self, data: &[u8]) -> u32 {
        let Some((_, file)) = &mut self.file else { return data.len() as u32 };
        match file.write_all(data) {
            Ok(()) => 0,
            Err(error) => {
                self.error.get_or_insert(error);
                data.len() as u32
            }
        }
    }

    fn flush(&mut self) -> u32 {
        let Some((_, file)) = &mut self.file else { return REFUSED };
        match file.flush() {
            Ok(()) => 0,
            Err(error) => {
                self.error.get_or_insert(error);
                REFUSED
            }
        }
    }
}

fn word(bus: &Bus, addr: u32) -> Option<u32> {
    let mut bytes = [0; 4];
    for (k, byte) in bytes.iter_mut().enumerate() {
        *byte = bus.peek(addr.wrapping_add(k as u32))?;
    }
    Some(u32::from_le_bytes(bytes))
}

fn bytes(bus: &Bus, addr: u32, len_bytes: u32) -> Option<Vec<u8>> {
    (0..len_bytes.min(MAX_TEXT_BYTES)).map(|k| bus.peek(addr.wrapping_add(k))).collect()
}

fn put_words(bus: &mut Bus, addr: u32, words: [u32; 2]) -> u32 {
    let [low, high] = words;
    let is_put = bus.put(addr, &low.to_le_bytes()).is_ok()
        && bus.put(addr.wrapping_add(4), &high.to_le_bytes()).is_ok();
    if is_put { 0 } else { REFUSED }
}
