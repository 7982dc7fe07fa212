//! What the device does all day: a task posts samples, another one sums them up with code from the
//! card, a third one watches the memory.

use alloc::vec::Vec;

use embassy_executor::Spawner;
use embassy_time::{Duration, Timer};
use esp_println::println;
use esparto::bus::{Bus, EventType, PayloadBlock, Priority, Service, Settings};
use esparto::pool::Critical;
use esparto::{Caps, Pool};
use esparto_overlay_macros::overlay;

use crate::memory::MEMORY;

/// Samples on their way, each in a block of 8 bytes.
type Samples = Bus<Pool<PayloadBlock<8>, 16, Critical>, 2, 1, 16>;

const SAMPLE: EventType = EventType(0);

/// Samples of one sum.
const WINDOW: usize = 16;

static BUS: Samples = Bus::new(Pool::new());

/// The mean of the samples without the largest and the smallest. In an overlay: it is on the card
/// until somebody calls it.
#[overlay("filter")]
pub fn trimmed_mean(samples: &[u32]) -> u32 {
    let (mut sum, mut low, mut high) = (0_u32, u32::MAX, 0);
    let mut index = 0;
    while index < samples.len() {
        let sample = samples[index];
        sum = sum.wrapping_add(sample);
        if sample < low {
            low = sample;
        }
        if sample > high {
            high = sample;
        }
        index += 1;
    }
    match samples.len() {
        0 => 0,
        1 | 2 => sum >> 1,
        count => sum.wrapping_sub(low).wrapping_sub(high) / (count as u32 - 2),
    }
}

/// Posts a sample every 100 ms.
#[embassy_executor::task]
async fn sense(service: Service<'static, Samples>) {
    let mut sample = 0x5EED_u32;
    loop {
        sample ^= sample << 13;
        sample ^= sample >> 17;
        sample ^= sample << 5;
        if service.post(SAMPLE, &(sample >> 20).to_le_bytes(), Priority::Normal).is_err() {
            println!("a sample was dropped: nobody reads");
        }
        Timer::after(Duration::from_millis(100)).await;
    }
}

/// Reads samples and sums them up.
#[embassy_executor::task]
async fn sum(mut service: Service<'static, Samples>) {
    let mut window = Vec::with_capacity(WINDOW);
    while let Ok(message) = service.receive().await {
        window.push(message.value::<u32>().unwrap_or_default());
        drop(message);
        if window.len() == WINDOW {
            println!("mean {}", trimmed_mean(&window));
            window.clear();
        }
    }
}

/// Tells every five seconds how much memory there is, and whether it is sound.
#[embassy_executor::task]
async fn watch() {
    loop {
        let internal = MEMORY.caps_stats(Caps::INTERNAL);
        println!(
            "internal: {} bytes free, the largest block {}",
            internal.free_bytes, internal.largest_free_bytes
        );
        Timer::after(Duration::from_secs(5)).await;
    }
}

/// Starts the tasks.
///
/// # Panics
/// They were started before.
pub fn start(spawner: Spawner) {
    BUS.start().expect("it is new");
    let sender = BUS.register("sense", Settings::new()).expect("there is a place");
    let receiver = BUS.register("sum", Settings::new()).expect("there is a place");
    receiver.subscribe(SAMPLE).expect("the type is known");
    spawner.spawn(sense(sender).expect("once"));
    spawner.spawn(sum(receiver).expect("once"));
    spawner.spawn(watch().expect("once"));
}
