//! `esparto sim`: a firmware on a simulated board.

mod gdb;
mod memcheck;
mod profile;
mod screen;
mod view;

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use esparto_sim::{Board, Desk, Machine, StaleFetch, Stop};

use crate::{Failure, Output};
use memcheck::Check;
use profile::Profile;
use screen::Screen;

/// What the long help says below the options.
pub(crate) const LONG_HELP: &str = "\
The firmware runs on a RISC-V core: on `virt`, which is QEMU's machine of that name, or on a chip's
memory map with the chip's rules. A chip with Xtensa cores is simulated with a RISC-V core on its
memory map. What the firmware sends on its serial line is shown as it comes.

The run ends well when the firmware says so with verdict 0. Anything else is exit code 1: another
verdict, a trap that has nowhere to go, code fetched that was written without a `fence.i`, an error
that memcheck found.

Memcheck knows what the firmware tells it: a sink of the memory says each allocation and free by an
instruction that does nothing anywhere else. docs/sim.md has them.";

/// Instructions between two looks at the clock.
const SLICE: u64 = 1 << 22;

/// The arguments of `esparto sim`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The firmware: an ELF file for RV32
    pub firmware: PathBuf,

    /// The chip to run on, as in esp32c3
    #[arg(long, conflicts_with = "board")]
    pub chip: Option<String>,

    /// The board to run on: `virt`, which is the default
    #[arg(long)]
    pub board: Option<String>,

    /// PSRAM on the module, in bytes; K and M are understood
    #[arg(long, value_name = "BYTES", value_parser = crate::run::parse_bytes, requires = "chip")]
    pub psram: Option<u32>,

    /// Keep memory either writable or executable, as the firmware's segments say
    #[arg(long, requires = "chip")]
    pub protect: bool,

    /// The image of an SD card on the SPI bus; the firmware may write to it
    #[arg(long, value_name = "IMAGE")]
    pub sd: Option<PathBuf>,

    /// The file that the firmware may write its trace to
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Give up after so many instructions
    #[arg(long, value_name = "COUNT")]
    pub max_instructions: Option<u64>,

    /// Check every access against the blocks, stacks and overlays that the firmware tells of
    #[arg(long)]
    pub memcheck: bool,

    /// What memcheck shall not report: lines of `FLAW FUNCTION`
    #[arg(long, value_name = "FILE", requires = "memcheck")]
    pub suppress: Option<PathBuf>,

    /// Show which functions the instructions were spent in
    #[arg(long)]
    pub profile: bool,

    /// Wait for gdb on this port of this machine before the first instruction; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    pub gdb: Option<u16>,
}

/// Runs the firmware to its end.
///
/// # Errors
/// An unknown chip; a file that is no firmware for the board; a firmware that ends badly or not
/// at all; a trace that cannot be written.
pub fn run(args: &Args, out: &mut Output<'_>) -> Result<(), Failure> {
    let board = board(args)?;
    let elf =
        fs::read(&args.firmware).map_err(|error| Failure::io("read", &args.firmware, error))?;
    let mut machine = Machine::new(board, &elf).map_err(|error| {
        Failure::bad_input(error).in_file(&args.firmware).mend(
            "give the ELF file of a firmware that is linked for this board; `esparto chips` shows \
             where the memory of each chip is",
        )
    })?;
    offer_trace(&mut machine, args)?;
    insert_card(&mut machine, args)?;
    let profile = args.profile.then(|| Profile::of(&elf));
    if args.profile {
        machine.start_profile();
    }

    let suppress = args.suppress.as_ref();
    let check = args.memcheck.then(|| Check::new(&args.firmware, &elf, suppress)).transpose()?;
    let check = check.map(|check| if args.gdb.is_some() { check.stopping() } else { check });

    let mut screen = Screen::new(out);
    let limit = args.max_instructions.unwrap_or(u64::MAX);
    let mut running =
        Running { check, screen: &mut screen, stale_fetches: Vec::new(), failure: None };
    let end = match args.gdb {
        None => running.run_to_end(&mut machine, limit)?,
        Some(port) => gdb::session(port, &args.firmware, &mut machine, &mut running, limit)?,
    };
    let Running { check, stale_fetches, .. } = running;
    let text = screen.finish();

    if let (Some(error), Some(path)) = (machine.take_file_error(), &args.trace) {
        return Err(Failure::io("write", path, error));
    }
    if let (Some(error), Some(path)) = (machine.take_card_error(), &args.sd) {
        return Err(Failure::io("read or write", path, error));
    }
    let counts = machine.take_profile();
    let view = view::Run {
        board: board.name(),
        end,
        instructions: machine.instructions(),
        output: text,
        stale_fetches: stale_fetches.iter().map(view::Stale::from).collect(),
        errors: check.map(|check| check.finish(&machine)),
        profile: profile.map(|profile| profile.functions(&counts)),
    };
    out.show(&view, |w| view.write(w))?;
    view.judge(limit).map_err(|failure| failure.in_file(&args.firmware))
}

/// A run under way: what looks at it, and what it has said.
struct Running<'r, 'o, 'w> {
    check: Option<Check>,
    screen: &'r mut Screen<'o, 'w>,
    stale_fetches: Vec<StaleFetch>,
    /// What could not be shown.
    failure: Option<Failure>,
}

impl Running<'_, '_, '_> {
    /// Runs to the end, or to `limit` instructions.
    fn run_to_end(&mut self, machine: &mut Machine, limit: u64) -> Result<view::End, Failure> {
        loop {
            let left = limit.saturating_sub(machine.instructions());
            let stop = self.run(machine, left.min(SLICE));
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            match stop {
                Stop::Limit if machine.instructions() < limit => {
                    self.screen.tick(machine.instructions());
                }
                Stop::Said | Stop::Found => {}
                end => return Ok(end.into()),
            }
        }
    }
}

impl Desk for Running<'_, '_, '_> {
    fn run(&mut self, machine: &mut Machine, count: u64) -> Stop {
        let stop = match &mut self.check {
            None => machine.run(count),
            Some(check) => {
                let stop = machine.run_checked(count, &mut check.memcheck);
                check.collect();
                stop
            }
        };
        self.show(machine);
        stop
    }

    fn show(&mut self, machine: &mut Machine) {
        self.stale_fetches.extend(machine.take_stale_fetches());
        if let Err(failure) = self.screen.say(&machine.take_text()) {
            self.failure.get_or_insert(failure);
        }
    }
}

fn board(args: &Args) -> Result<Board, Failure> {
    let name = args.chip.as_deref().or(args.board.as_deref()).unwrap_or("virt");
    let mut board = Board::find(name)?;
    if let Board::Chip(_, options) = &mut board {
        options.protect = args.protect;
        options.psram_bytes = args.psram.unwrap_or(options.psram_bytes);
    }
    Ok(board)
}

/// Tells the firmware the name of its trace on its command line, and lets it write that file.
fn offer_trace(machine: &mut Machine, args: &Args) -> Result<(), Failure> {
    let mut line = one_word(&args.firmware);
    if let Some(path) = &args.trace {
        let file = File::create(path).map_err(|error| Failure::io("create", path, error))?;
        let name = one_word(path);
        line.push(' ');
        line.push_str(&name);
        machine.offer_file(name, Box::new(BufWriter::new(file)));
    }
    machine.set_command_line(line);
    Ok(())
}

fn insert_card(machine: &mut Machine, args: &Args) -> Result<(), Failure> {
    let Some(path) = &args.sd else { return Ok(()) };
    let image = File::options().read(true).write(true).open(path);
    let image = image.map_err(|error| {
        Failure::io("read and write", path, error)
            .mend("give an image that exists and may be written; copy it if it shall stay as it is")
    })?;
    machine.insert_card(Box::new(image)).map_err(|error| {
        Failure::bad_input(error)
            .in_file(path)
            .mend("make the image as long as a card: a multiple of 512 KiB")
    })
}

/// A path as one word of a command line: firmware splits it at blanks.
fn one_word(path: &Path) -> String {
    path.display().to_string().replace(char::is_whitespace, "_")
}
