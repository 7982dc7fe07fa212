//! The trace on its way out: ring → encoder → file on the host.

use core::cell::RefCell;

use board_virt::channel::HostFile;
use board_virt::doorbell;
use critical_section::Mutex;
use esparto_trace::Encoder;
use riscv::interrupt::Interrupt;

use crate::Traced;

/// Bytes of a block of the trace.
const BLOCK_BYTES: usize = 512;

pub(crate) type TraceEncoder = Encoder<fn(&[u8]), BLOCK_BYTES>;

/// A memory whose events can be taken out, whatever the size of its ring.
pub(crate) trait Source: Sync {
    /// Encodes all events that wait.
    fn drain_into(&self, encoder: &mut TraceEncoder);
}

impl<const SLOTS: usize, const FRAMES: usize> Source for Traced<SLOTS, FRAMES> {
    fn drain_into(&self, encoder: &mut TraceEncoder) {
        encoder
            .drain_from(|slots| self.with_sink_mut(|recorder| recorder.drain(slots)).unwrap_or(0));
    }
}

struct Stream {
    source: &'static dyn Source,
    encoder: TraceEncoder,
}

static STREAM: Mutex<RefCell<Option<Stream>>> = Mutex::new(RefCell::new(None));
static FILE: Mutex<RefCell<Option<HostFile>>> = Mutex::new(RefCell::new(None));

/// Starts to stream; `open` makes the encoder, once there is a file to write to.
pub(crate) fn start(source: &'static dyn Source, open: impl FnOnce(fn(&[u8])) -> TraceEncoder) {
    let file = HostFile::from_command_line().expect("the trace has no file");
    critical_section::with(|cs| {
        FILE.replace(cs, file);
        let encoder = open(write);
        STREAM.replace(cs, Some(Stream { source, encoder }));
    });
    doorbell::listen();
}

/// Encodes what waits, then runs `f` on the encoder, with nothing in between.
pub(crate) fn with_encoder(f: impl FnOnce(&mut TraceEncoder)) {
    critical_section::with(|cs| {
        if let Some(stream) = STREAM.borrow_ref_mut(cs).as_mut() {
            stream.source.drain_into(&mut stream.encoder);
            f(&mut stream.encoder);
        }
    });
}

/// Writes what is left; gives the length of the trace, or `None` when it went nowhere.
pub(crate) fn finish() -> Option<usize> {
    doorbell::ignore();
    with_encoder(|_| ());
    critical_section::with(|cs| {
        if let Some(stream) = STREAM.take(cs) {
            stream.encoder.finish();
        }
        FILE.take(cs).map(|file| file.written_bytes())
    })
}

/// Without a file, bytes of the trace go nowhere.
fn write(bytes: &[u8]) {
    critical_section::with(|cs| {
        if let Some(file) = FILE.borrow_ref_mut(cs).as_mut() {
            file.write(bytes).expect("the file of the trace takes no more");
        }
    });
}

#[riscv_rt::core_interrupt(Interrupt::MachineSoft)]
fn on_doorbell() {
    doorbell::silence();
    with_encoder(|_| ());
}
