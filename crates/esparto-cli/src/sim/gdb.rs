//! A run with gdb at the other end of a socket.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;

use esparto_sim::{Machine, Session, debug};

use super::{Running, view};
use crate::Failure;

/// Waits for gdb on `port`, lets it debug, and runs to the end when it goes away before that.
pub(super) fn session(
    port: u16,
    firmware: &Path,
    machine: &mut Machine,
    running: &mut Running<'_, '_, '_>,
    limit: u64,
) -> Result<view::End, Failure> {
    let stream = accept(port, firmware, running)?;
    let session = debug(machine, stream, running, limit);
    if let Some(failure) = running.failure.take() {
        return Err(failure);
    }
    match session {
        Ok(Session::Ended(stop)) => Ok(stop.into()),
        Ok(Session::Killed) => Ok(view::End::Killed),
        Ok(_) => running.run_to_end(machine, limit),
        Err(error) => Err(Failure::bad_input(error).mend("connect a gdb that knows riscv:rv32")),
    }
}

fn accept(
    port: u16,
    firmware: &Path,
    running: &mut Running<'_, '_, '_>,
) -> Result<TcpStream, Failure> {
    let no_port = |error| {
        Failure::io("listen for gdb on", Path::new(&format!("127.0.0.1:{port}")), error)
            .mend("give a port that nobody uses, or 0 for any")
    };
    // Whoever reaches the port can read and change the firmware: this machine only.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(no_port)?;
    let addr = listener.local_addr().map_err(no_port)?;
    running.screen.note(&format!(
        "waiting for gdb on {addr}: gdb-multiarch {} -ex 'target remote {addr}'",
        firmware.display()
    ));
    let (stream, _) = listener.accept().map_err(no_port)?;
    Ok(stream)
}
