//! A sensor posts from an interrupt, a logger and an alarm listen: one copy of each sample, urgent
//! things first, the display gets only the newest.
//!
//! `cargo run -p esparto --example bus`

use std::mem::MaybeUninit;

use esparto::bus::{Bus, EventType, Overflow, Priority, Quota, Settings};
use esparto::{Caps, Class, Heap, Memory, Tiers};

const SAMPLE: EventType = EventType(0);
const ALARM: EventType = EventType(1);

static MEMORY: Memory<4> = Memory::new();
static TIERS: Tiers<4, 4> = Tiers::new(&MEMORY, Class::SERVICE);
/// 8 services, 16 types, 64 events alive at once.
static BUS: Bus<&Tiers<4, 4>, 8, 16, 64> = Bus::new(&TIERS);

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sram = Box::leak(Box::new([MaybeUninit::uninit(); 128 << 10]));
    let caps = Caps::INTERNAL | Caps::BYTE | Caps::WORD | Caps::ATOMIC | Caps::ISR_SAFE;
    MEMORY.add_static::<Heap>("sram", sram, caps)?;
    TIERS.init()?;
    BUS.start()?;

    let sensor = BUS.register("sensor", Settings::new().quota(Quota::new(20, 50)))?;
    let logger = BUS.register("logger", Settings::new())?;
    let newest =
        Settings::new().depth(Priority::Normal, 1).overflow(Priority::Normal, Overflow::DropOldest);
    let display = BUS.register("display", newest)?;
    logger.subscribe(SAMPLE)?;
    logger.subscribe(ALARM)?;
    display.subscribe(SAMPLE)?;

    for celsius in [21.5_f32, 21.75, 48.0] {
        // In an interrupt handler: never waits, never external memory.
        let sample = celsius.to_le_bytes();
        BUS.post_from_isr(sensor.id(), SAMPLE, &sample, Priority::Normal)?;
        if celsius > 40.0 {
            // Built where it stays.
            sensor.post_with(ALARM, 16, Priority::Critical, |text| {
                text[..8].copy_from_slice(b"too warm");
            })?;
        }
    }
    println!("{}", TIERS.stats());

    let newest: f32 = display.try_receive()?.value()?;
    println!("display: {newest} °C");
    assert_eq!(newest, 48.0);
    let mut order = Vec::new();
    while let Ok(message) = logger.try_receive() {
        println!(
            "logger: {} {:?}, {} bytes",
            message.priority(),
            message.event_type(),
            message.len()
        );
        order.push(message.event_type());
    }
    assert_eq!(order, [ALARM, SAMPLE, SAMPLE, SAMPLE]);

    for _ in 3..19 {
        sensor.post(SAMPLE, &[], Priority::Low)?;
    }
    let refused = sensor.post(SAMPLE, &[], Priority::Low).unwrap_err();
    println!("sensor: {refused}");
    BUS.set_time(50);
    sensor.post(SAMPLE, &[], Priority::Low)?;

    BUS.stop()?;
    let stats = BUS.stats();
    println!("{stats:?}");
    assert_eq!(stats.alive_count, 0);
    assert!(TIERS.stats().classes.iter().all(|class| class.used_count == 0));
    Ok(())
}
