//! A small web server without its network: requests are parsed (`httparse`, `form_urlencoded`) and
//! answered in JSON (`serde_json`), settings stay for ever, sessions until others push them out
//! (`lru`). Blocks of one request lie among those that live long.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::num::NonZero;

use board_virt::println;
use lru::LruCache;
use recording::{Recorder, Told};
use serde_json::{Value, json};
use workloads::WorkloadMemory;

const ROUND_COUNT: usize = 4;
const REQUESTS_PER_ROUND: usize = 40;
const SESSION_LIMIT_COUNT: NonZero<usize> = NonZero::new(24).expect("not zero");
const PHASES: [&str; 1] = ["serve"];

#[global_allocator]
static MEMORY: WorkloadMemory = WorkloadMemory::with_sink(Told(Recorder::new()));

/// What is known of a client.
struct Session {
    user: String,
    /// The paths asked for last.
    visited: Vec<String>,
}

struct Server {
    /// What was set, by name: it only grows.
    settings: BTreeMap<String, String>,
    sessions: LruCache<String, Session>,
}

#[board_virt::entry]
fn main() -> ! {
    workloads::run(&MEMORY, &PHASES, ROUND_COUNT, 32 * 1024, |phases| {
        let mut server =
            Server { settings: BTreeMap::new(), sessions: LruCache::new(SESSION_LIMIT_COUNT) };
        let mut random = 0x9E37_79B9_u32;
        for round in 0..ROUND_COUNT {
            let (bytes, crc) = phases.run(0, || {
                let mut crc = crc32fast::Hasher::new();
                let mut bytes = 0;
                for _ in 0..REQUESTS_PER_ROUND {
                    let answer = server.answer(&request(&mut random));
                    bytes += answer.len();
                    crc.update(&answer);
                }
                (bytes, crc.finalize())
            });
            println!(
                "result {round} answer_bytes={bytes} answer_crc={crc:08x} settings={} sessions={}",
                server.settings.len(),
                server.sessions.len()
            );
        }
    })
}

/// A request as a browser sends it.
fn request(random: &mut u32) -> Vec<u8> {
    let mut below = |limit: u32| {
        // xorshift32
        *random ^= *random << 13;
        *random ^= *random >> 17;
        *random ^= *random << 5;
        *random % limit
    };
    let client = below(40);
    let common = format!(
        "Host: device.local\r\nUser-Agent: client/{}\r\nCookie: session=c{client:04}\r\n",
        client % 7
    );
    if below(4) == 0 {
        let body = format!(
            "name=relay%20{}&value={}&note=set+by+{}",
            below(30),
            below(5000),
            "operator ".repeat(1 + below(4) as usize).trim_end().replace(' ', "+")
        );
        format!("POST /settings HTTP/1.1\r\n{common}Content-Length: {}\r\n\r\n{body}", body.len())
    } else {
        let path = ["/", "/status", "/settings", "/log"][below(4) as usize];
        format!("GET {path}?page={}&user=user+{client} HTTP/1.1\r\n{common}\r\n", below(9))
    }
    .into_bytes()
}

impl Server {
    fn answer(&mut self, request: &[u8]) -> Vec<u8> {
        let mut headers = [httparse::EMPTY_HEADER; 8];
        let mut parsed = httparse::Request::new(&mut headers);
        let head = parsed.parse(request).expect("the request is well-formed");
        let body = &request[head.unwrap()..];
        let (path, query) = parsed.path.and_then(|path| path.split_once('?')).unwrap_or_default();
        let cookie = parsed.headers.iter().find(|header| header.name == "Cookie");
        let cookie = cookie.map_or(&b""[..], |header| header.value);
        let id = String::from_utf8_lossy(cookie).into_owned();
        let fields: BTreeMap<String, String> =
            form_urlencoded::parse(if body.is_empty() { query.as_bytes() } else { body })
                .into_owned()
                .collect();
        let session = self.sessions.get_or_insert_mut(id, || Session {
            user: fields.get("user").cloned().unwrap_or_else(|| "nobody".to_string()),
            visited: Vec::new(),
        });
        if session.visited.len() == 6 {
            session.visited.remove(0);
        }
        session.visited.push(path.to_string());
        if let (Some(name), Some(value)) = (fields.get("name"), fields.get("value")) {
            self.settings.insert(name.clone(), value.clone());
        }
        let document: Value = json!({
            "path": path,
            "user": session.user,
            "visited": session.visited,
            "fields": fields,
            "settings": if path == "/settings" { json!(self.settings) } else { Value::Null },
        });
        let body = serde_json::to_string(&document).expect("values print");
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        answer.extend_from_slice(body.as_bytes());
        answer
    }
}
