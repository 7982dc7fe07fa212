//! How the tool ends when its output cannot be written.

use std::io::{self, ErrorKind, Write};

use clap::Parser;
use esparto_cli::{Cli, Exit, execute};

/// Refuses every byte.
struct Refuses(ErrorKind);

impl Write for Refuses {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

fn ends(args: &[&str], out: impl Write) -> (Exit, String) {
    let cli = Cli::try_parse_from([&["esparto"], args].concat()).expect("a right command line");
    let mut err = Vec::new();
    let exit = execute(&cli, out, &mut err);
    (exit, String::from_utf8(err).expect("UTF-8"))
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    for args in [&["chips"][..], &["chips", "--json"], &["chips", "esp32"]] {
        let (exit, err) = ends(args, Refuses(ErrorKind::BrokenPipe));
        assert_eq!((exit, err.as_str()), (Exit::Done, ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_one() {
    for args in [&["chips"][..], &["chips", "--json"], &["chips", "esp32"]] {
        let (exit, err) = ends(args, Refuses(ErrorKind::StorageFull));
        assert_eq!(exit, Exit::Io, "{args:?}");
        assert!(err.contains("cannot write the output"), "{err}");
    }
}
