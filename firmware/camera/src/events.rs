//! The bus, and the interrupt that posts to it.

use core::sync::atomic::{AtomicU32, Ordering};

use board_virt::task::Blocking;
use board_virt::timer;
use esparto::bus::{
    Bus, EventType, Message, Overflow, Priority, ReceiveError, Service, ServiceId, Settings,
};
use pipeline::Stage;
use riscv::interrupt::Interrupt;

use crate::memory::{FRAMES_AT_ONCE, PAYLOADS, Pools};

/// Time between two readings of the sensor.
pub(crate) const READING_MS: u32 = 10;

const SECOND_MS: u32 = 1000;

/// What the sensor says: the time, then the light.
pub(crate) const READING: EventType = EventType(0);

/// A second is over; without data.
pub(crate) const SECOND: EventType = EventType(1);

/// A frame waits for a stage: the number of its place on the desk.
pub(crate) const fn frame_for(stage: Stage) -> EventType {
    EventType(2 + stage as u16)
}

const TYPES: usize = 2 + Stage::ALL.len();
/// The sensor, trigger, health, and the stages.
const SERVICES: usize = 3 + Stage::ALL.len();
const EVENTS: usize = 48;

/// A frame waits for one stage at a time.
const STAGE_DEPTH: u16 = FRAMES_AT_ONCE as u16;

pub(crate) type CameraBus = Bus<&'static Pools<1>, SERVICES, TYPES, EVENTS>;

pub(crate) static BUS: CameraBus = Bus::new(&PAYLOADS);

/// Who the interrupt posts for.
static SENSOR: AtomicU32 = AtomicU32::new(0);

/// A task's part in the bus.
#[derive(Debug)]
pub(crate) struct Post {
    service: Service<'static, CameraBus>,
}

impl Post {
    /// The part of the task `name`, which gets events of `event_type`.
    pub(crate) fn new(name: &'static str, event_type: EventType, depth: u16) -> Self {
        let settings = Settings::new()
            .depth(Priority::Normal, depth)
            .overflow(Priority::Normal, Overflow::Refuse);
        let service = BUS.register(name, settings).expect("there is a place for every task");
        service.subscribe(event_type).expect("the type is known");
        Self { service }
    }

    /// A stage's.
    pub(crate) fn of_stage(stage: Stage) -> Self {
        Self::new(stage.name(), frame_for(stage), STAGE_DEPTH)
    }

    /// Waits for an event; `None` when the bus was stopped.
    pub(crate) fn receive(&mut self) -> Option<Message<'static, CameraBus>> {
        match self.service.receive_timeout(&Blocking, None) {
            Ok(message) => Some(message),
            Err(ReceiveError::NotStarted) => None,
            Err(error) => panic!("{}: {error}", self.service.id()),
        }
    }

    /// Says that the frame at `place` of the desk waits for `stage`.
    pub(crate) fn hand_over(&self, stage: Stage, place: u32) {
        let posted = self.service.post_value(frame_for(stage), &place, Priority::Normal);
        assert_eq!(posted, Ok(1), "{} takes every frame that there is", stage.name());
    }
}

/// Lets the sensor post from the interrupt.
pub(crate) fn start() {
    let sensor = BUS.register("sensor", Settings::new()).expect("there is a place");
    SENSOR.store(sensor.into_id().to_raw(), Ordering::Relaxed);
    timer::start(READING_MS);
}

/// The sensor reads no more, and all who wait for events are sent home.
pub(crate) fn stop() {
    timer::stop();
    BUS.stop().expect("it runs");
}

/// The light at `now_ms`: day and night in two seconds.
pub(crate) fn light_at(now_ms: u32) -> u32 {
    (now_ms % 2000).abs_diff(1000)
}

#[riscv_rt::core_interrupt(Interrupt::MachineTimer)]
fn on_timer() {
    let now_ms = timer::acknowledge();
    BUS.set_time(now_ms);
    let sensor = ServiceId::from_raw(SENSOR.load(Ordering::Relaxed));
    let mut reading = [0; 8];
    reading[..4].copy_from_slice(&now_ms.to_le_bytes());
    reading[4..].copy_from_slice(&light_at(now_ms).to_le_bytes());
    let posted = BUS.post_from_isr(sensor, READING, &reading, Priority::Normal);
    posted.expect("the trigger keeps up");
    if now_ms.is_multiple_of(SECOND_MS) {
        BUS.post_from_isr(sensor, SECOND, &[], Priority::Normal).expect("health keeps up");
    }
}
