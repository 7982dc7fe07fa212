//! A device that reports over TCP (`smoltcp`, loopback): CBOR records (`ciborium`) from a client
//! to a server in the same program, over one connection after another.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use board_virt::println;
use recording::{Recorder, Told};
use serde::{Deserialize, Serialize};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Loopback, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use workloads::WorkloadMemory;

const CONNECTION_COUNT: usize = 4;
const RECORDS_PER_CONNECTION: usize = 16;
const SOCKET_BUFFER_BYTES: usize = 2048;
const PORT: u16 = 1883;
const PHASES: [&str; 3] = ["encode", "transfer", "decode"];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

/// What is reported.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reading {
    uptime_ms: u32,
    sensor: String,
    samples: Vec<i16>,
    labels: BTreeMap<String, String>,
}

impl Reading {
    fn of(index: usize) -> Self {
        let sample = |k: usize| ((index * 37 + k * k * 11) % 4096) as i16 - 2048;
        let mut labels = BTreeMap::new();
        labels.insert("site".to_string(), ["roof", "cellar", "yard"][index % 3].to_string());
        if index.is_multiple_of(4) {
            labels.insert("alarm".to_string(), alloc::format!("threshold {}", index % 7));
        }
        Self {
            uptime_ms: (index * 250) as u32,
            sensor: alloc::format!("probe-{}", index % 5),
            samples: (0..8 + index % 24).map(sample).collect(),
            labels,
        }
    }
}

#[board_virt::entry]
fn main() -> ! {
    let total_count = CONNECTION_COUNT * PHASES.len();
    workloads::run(&MEMORY, &PHASES, total_count, 32 * 1024, |phases| {
        let mut network = Network::new();
        for connection in 0..CONNECTION_COUNT {
            let first = connection * RECORDS_PER_CONNECTION;
            let sent = phases.run(0, || {
                let readings: Vec<_> =
                    (first..first + RECORDS_PER_CONNECTION).map(Reading::of).collect();
                let mut bytes = Vec::new();
                ciborium::into_writer(&readings, &mut bytes).expect("memory takes every byte");
                bytes
            });
            let received = phases.run(1, || network.transfer(&sent));
            assert_eq!(received, sent);
            let readings: Vec<Reading> = phases.run(2, || {
                ciborium::from_reader(received.as_slice()).expect("what was sent reads back")
            });
            let is_same = |(k, reading)| reading == &Reading::of(first + k);
            assert!(readings.iter().enumerate().all(is_same));
            println!(
                "result {connection} records={} bytes={} crc={:08x}",
                readings.len(),
                received.len(),
                crc32fast::hash(&received)
            );
        }
    })
}

/// An interface whose far end is its near end.
struct Network {
    device: Loopback,
    interface: Interface,
    now: Instant,
}

impl Network {
    fn new() -> Self {
        let mut device = Loopback::new(Medium::Ip);
        let config = Config::new(HardwareAddress::Ip);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses
                .push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8))
                .expect("an interface has room for an address");
        });
        Self { device, interface, now: Instant::ZERO }
    }

    /// Opens a connection, sends `bytes`, closes it; gives what arrived.
    fn transfer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut sockets = SocketSet::new(Vec::new());
        let server = sockets.add(socket());
        let client = sockets.add(socket());
        sockets.get_mut::<tcp::Socket<'_>>(server).listen(PORT).expect("the port is free");
        sockets
            .get_mut::<tcp::Socket<'_>>(client)
            .connect(self.interface.context(), (IpAddress::v4(127, 0, 0, 1), PORT), 49152)
            .expect("the address is its own");

        let mut sent_bytes = 0;
        let mut received = Vec::new();
        while is_open(&sockets, client) || is_open(&sockets, server) {
            self.interface.poll(self.now, &mut self.device, &mut sockets);

            let socket = sockets.get_mut::<tcp::Socket<'_>>(client);
            if socket.can_send() {
                sent_bytes += socket.send_slice(&bytes[sent_bytes..]).expect("it can send");
                if sent_bytes == bytes.len() {
                    socket.close();
                }
            }
            let socket = sockets.get_mut::<tcp::Socket<'_>>(server);
            while socket.can_recv() {
                socket
                    .recv(|arrived| {
                        received.extend_from_slice(arrived);
                        (arrived.len(), ())
                    })
                    .expect("it can receive");
            }
            if socket.state() == tcp::State::CloseWait {
                socket.close();
            }
            let pause = self.interface.poll_delay(self.now, &sockets);
            self.now += pause.unwrap_or(Duration::from_millis(1));
        }
        received
    }
}

fn is_open(sockets: &SocketSet<'_>, handle: SocketHandle) -> bool {
    sockets.get::<tcp::Socket<'_>>(handle).is_open()
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; SOCKET_BUFFER_BYTES]);
    tcp::Socket::new(buffer(), buffer())
}
