//! What stages keep from one frame to the next.

use allocator_api2::alloc::Allocator;

use crate::{Detection, Log, Luma, Outbox};

/// Where frames are worked on. One serves all stages, as on a host; or each stage has one of its
/// own, as on the core, and uses the part of it that is its business.
#[derive(Debug)]
pub struct Station<A: Allocator> {
    pub(crate) frame_memory: A,
    pub(crate) eye: Eye,
    pub(crate) log: Log,
    pub(crate) outbox: Outbox,
}

impl<A: Allocator> Station<A> {
    /// A station that saw nothing yet, with frame buffers from `frame_memory`.
    #[must_use]
    pub fn new(frame_memory: A) -> Self {
        Self { frame_memory, eye: Eye::default(), log: Log::default(), outbox: Outbox::default() }
    }
}

/// Looks at a picture by the network, unless nothing changed since it last did.
#[derive(Debug, Default)]
pub(crate) struct Eye {
    /// The checksum of what was seen last, and what it was.
    last: Option<(u32, Detection)>,
}

impl Eye {
    pub(crate) fn look<A: Allocator>(&mut self, luma: &Luma<A>, luma_crc: u32) -> Detection {
        match self.last {
            Some((crc, detection)) if crc == luma_crc => detection,
            _ => self.last.insert((luma_crc, Detection::of(luma))).1,
        }
    }
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;
    use crate::{PHOTOGRAPHS, Rgb};

    #[test]
    fn the_network_looks_at_what_changed_and_at_nothing_else() {
        let luma = Rgb::decode(PHOTOGRAPHS[0], Global).unwrap().to_luma(Global).unwrap();
        let seen = Detection::of(&luma);
        // No network would say this.
        let nonsense = Detection { nobody: 7.0, person: 7.0 };
        let mut eye = Eye { last: Some((1, nonsense)) };
        assert_eq!(eye.look(&luma, 1), nonsense, "remembered");
        assert_eq!(eye.look(&luma, 2), seen, "looked at");
        assert_eq!(eye.look(&luma, 1), seen, "only the last one is remembered");
    }
}
