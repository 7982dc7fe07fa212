//! A real gdb debugs a firmware on the simulator. It builds the firmware,
//! and starts `gdb-multiarch`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::firmware_dir::firmware;
use crate::planted_programs::{build, line_that_ends_with};

/// `esparto sim` waiting for gdb, and where it waits.
struct Simulator {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    addr: String,
}

impl Simulator {
    fn start(elf: &Path, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_esparto"))
            .arg("sim")
            .arg(elf)
            .args(["--gdb", "0"])
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the tool starts");
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut line = String::new();
        errors.read_line(&mut line).expect("it says where it waits");
        let addr = line
            .split_whitespace()
            .find(|word| word.starts_with("127.0.0.1:"))
            .unwrap_or_else(|| panic!("no address in: {line}"));
        let addr = addr.trim_end_matches(':').to_owned();
        Self { child, errors, addr }
    }

    /// What gdb says to `commands`.
    fn gdb(&self, elf: &Path, commands: &[&str]) -> String {
        let output = Command::new("gdb-multiarch")
            .args(["-batch", "-nx", "-ex", "set pagination off", "-ex", "set width 0"])
            .arg(elf)
            .args(["-ex", &format!("target remote {}", self.addr)])
            .args(commands.iter().flat_map(|command| ["-ex", command]))
            .output()
            .expect("gdb-multiarch starts; install the package gdb-multiarch");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        format!("{text}\n{}", String::from_utf8_lossy(&output.stderr))
    }

    /// How it ended: exit code, standard output, standard error.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut errors) = (String::new(), String::new());
        let stdout = self.child.stdout.as_mut().expect("it is piped");
        stdout.read_to_string(&mut out).expect("it is text");
        self.errors.read_to_string(&mut errors).expect("it is text");
        let status = self.child.wait().expect("it ends");
        (status.code(), out, errors)
    }
}

/// Holds that each of `needles` comes in `text`, in this order.
fn assert_in_order(text: &str, needles: &[&str]) {
    let mut rest = text;
    for needle in needles {
        let at = rest.find(needle);
        let at = at.unwrap_or_else(|| panic!("`{needle}` does not come (in order) in:\n{text}"));
        rest = &rest[at + needle.len()..];
    }
}

#[test]
fn gdb_breaks_steps_reads_and_goes_back_up_the_calls() {
    let elf = build("riscv32imac-unknown-none-elf").join("stepped");
    let source = fs::read_to_string(firmware().join("planted/src/bin/stepped.rs"))
        .expect("the program has a source");
    let called = line_that_ends_with(&source, "// called").expect("the call is marked");
    let simulator = Simulator::start(&elf, &[]);
    let said = simulator.gdb(
        &elf,
        &[
            "break stepped::add",
            "continue",
            "backtrace",
            "info args",
            "print stepped::SUM",
            "next",
            "print/x $sp == $x2",
            "delete",
            "finish",
            "watch stepped::SUM",
            "continue",
            "stepi",
            "print $minstret > 1000",
            "monitor count",
            "delete",
            "continue",
        ],
    );
    let caller = format!("stepped.rs:{called}");
    assert_in_order(
        &said,
        &[
            "Breakpoint 1,",
            "stepped::add",
            "#0 ",
            "#1 ",
            "stepped::add_up",
            &caller,
            "#2 ",
            "step = 1",
            "100",
            "0x1",
            "Value returned",
            "101",
            "atchpoint 2",
            "Old value = ",
            "value: 101",
            "New value = ",
            "value: 103",
            "stepped.rs",
            "true",
            "exited normally",
        ],
    );
    assert!(said.contains(" instructions\n"), "monitor count is missing in:\n{said}");
    let (code, out, errors) = simulator.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("110\n"), "{out}");
}

#[test]
fn gdb_stops_where_memcheck_finds_something() {
    let elf = build("riscv32imac-unknown-none-elf").join("out_of_bounds");
    let source = fs::read_to_string(firmware().join("planted/src/bin/out_of_bounds.rs"))
        .expect("the program has a source");
    let planted = line_that_ends_with(&source, "// planted").expect("the error is marked");
    let simulator = Simulator::start(&elf, &["--memcheck"]);
    let said = simulator.gdb(&elf, &["continue", "backtrace", "continue"]);
    let place = format!("out_of_bounds.rs:{planted}");
    assert_in_order(&said, &["SIGTRAP", &place, "exited normally"]);
    let (code, out, errors) = simulator.end();
    assert_eq!(code, Some(1), "{out}{errors}");
    assert!(errors.contains("memcheck found 1 error"), "{errors}");
}

#[test]
fn a_debugger_that_leaves_lets_the_firmware_end() {
    let elf = build("riscv32imac-unknown-none-elf").join("stepped");
    let simulator = Simulator::start(&elf, &[]);
    simulator.gdb(&elf, &["break stepped::add", "continue", "detach"]);
    let (code, out, errors) = simulator.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("110\n"), "{out}");
}

#[test]
fn gdb_stops_at_loads_and_at_every_access() {
    let elf = build("riscv32imac-unknown-none-elf").join("stepped");
    let simulator = Simulator::start(&elf, &[]);
    let said = simulator.gdb(
        &elf,
        &[
            "break stepped::add_up",
            "continue",
            "rwatch stepped::SUM",
            "continue",
            "delete",
            "awatch stepped::SUM",
            "continue",
            "continue",
            "delete",
            "continue",
        ],
    );
    assert_in_order(
        &said,
        &[
            "Hardware read watchpoint 2: stepped::SUM",
            "Hardware read watchpoint 2: stepped::SUM",
            "Value = ",
            "value: 100",
            // The store of the first round, then the load of the second.
            "Hardware access (read/write) watchpoint 3: stepped::SUM",
            "Hardware access (read/write) watchpoint 3: stepped::SUM",
            "New value = ",
            "value: 101",
            "Hardware access (read/write) watchpoint 3: stepped::SUM",
            "Value = ",
            "value: 101",
            "exited normally",
        ],
    );
    let (code, out, errors) = simulator.end();
    assert_eq!(code, Some(0), "{errors}");
    assert!(out.starts_with("110\n"), "{out}");
}

/// A gdb that is talked to while the firmware runs.
struct Conversation {
    gdb: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Conversation {
    fn start(elf: &Path) -> Self {
        let mut gdb = Command::new("gdb-multiarch")
            .args(["-nx", "--interpreter=mi2"])
            .arg(elf)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("gdb-multiarch starts; install the package gdb-multiarch");
        let commands = gdb.stdin.take().expect("it is piped");
        let answers = BufReader::new(gdb.stdout.take().expect("it is piped"));
        Self { gdb, commands, answers }
    }

    /// Says `command` and waits for a line with `awaited`; gives that line.
    fn say(&mut self, command: &str, awaited: &str) -> String {
        writeln!(self.commands, "{command}").expect("gdb listens");
        self.wait_for(awaited)
    }

    fn wait_for(&mut self, awaited: &str) -> String {
        let mut said = String::new();
        loop {
            let mut line = String::new();
            let len_bytes = self.answers.read_line(&mut line).expect("it is text");
            assert!(len_bytes > 0, "gdb ended without saying `{awaited}`:\n{said}");
            assert!(!line.starts_with("^error"), "{said}{line}");
            if line.contains(awaited) {
                return line;
            }
            said.push_str(&line);
        }
    }

    /// What Ctrl-C does.
    fn interrupt(&mut self) {
        let kill = Command::new("kill").args(["-INT", &self.gdb.id().to_string()]).status();
        assert!(kill.expect("kill is there").success());
    }
}

#[test]
fn ctrl_c_stops_a_firmware_that_never_ends() {
    let elf = build("riscv32imac-unknown-none-elf").join("stepped");
    let simulator = Simulator::start(&elf, &[]);
    let mut gdb = Conversation::start(&elf);
    gdb.say(&format!("-target-select remote {}", simulator.addr), "^connected");
    gdb.say("-break-insert stepped::add", "^done");
    gdb.say("-exec-continue", "*stopped,reason=\"breakpoint-hit\"");
    gdb.say("-break-delete", "^done");
    gdb.say("-gdb-set language c", "^done");
    // A jump to itself, as an instruction.
    gdb.say("-data-evaluate-expression \"*(unsigned short*)$pc = 0xa001\"", "^done");
    let before = gdb.say("-data-evaluate-expression $pc", "^done");
    for _ in 0..2 {
        gdb.say("-exec-continue", "*running");
        gdb.interrupt();
        let stopped = gdb.wait_for("*stopped");
        assert!(stopped.contains("signal-name=\"SIGINT\""), "{stopped}");
        let after = gdb.say("-data-evaluate-expression $pc", "^done");
        assert_eq!(before, after);
    }
    // Left alone it would go on for ever.
    gdb.say("-gdb-set confirm off", "^done");
    gdb.say("-interpreter-exec console kill", "=thread-group-exited");
    gdb.gdb.kill().and_then(|()| gdb.gdb.wait()).expect("gdb ends");
    let (code, out, errors) = simulator.end();
    assert_eq!(code, Some(1), "{out}{errors}");
}
