//! What the lock of a bus protects. Calls nothing that is not ours: no allocator, no waker.

use core::task::Waker;

use super::envelope::NIL;
use super::error::{LifeError, PostError, ServiceError};
use super::queue::Service;
use super::quota::Bucket;
use super::stats::{BusStats, RefusedPosts, ServiceStats};
use super::{ServiceId, Settings};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Stopped,
    Started,
    Stopping,
}

// What every operation needs comes first, where short offsets reach.
#[repr(C)]
pub(super) struct State<const SERVICES: usize, const EVENTS: usize> {
    /// The places given back.
    pub(super) free: u16,
    /// The places above this were never used: so many were alive at once at the most.
    pub(super) fresh: u16,
    /// The places of events that made room.
    pub(super) dropped: u16,
    pub(super) life: Life,
    /// The services whose receiver, or whose poster, wants to be woken.
    pub(super) receiving: u32,
    pub(super) posting: u32,
    /// Those of the posters that got no memory: what a refused post gives back is news to them only.
    pub(super) starving: u32,
    /// Events queued, and events whose place was given back since: the rest is alive.
    pub(super) queued_count: u32,
    pub(super) vacated_count: u32,
    pub(super) delivered_count: u32,
    pub(super) services: [Service; SERVICES],
    pub(super) now_ms: u32,
    receivers: [Option<Waker>; SERVICES],
    posters: [Option<Waker>; SERVICES],
    /// Events posted that nobody had subscribed to.
    pub(super) unheard_count: u32,
    pub(super) dropped_count: u32,
    refused: RefusedPosts,
}

impl<const SERVICES: usize, const EVENTS: usize> State<SERVICES, EVENTS> {
    pub(super) const fn new() -> Self {
        Self {
            free: NIL,
            fresh: 0,
            dropped: NIL,
            life: Life::Stopped,
            receiving: 0,
            posting: 0,
            starving: 0,
            queued_count: 0,
            vacated_count: 0,
            delivered_count: 0,
            services: [const { Service::VACANT }; SERVICES],
            now_ms: 0,
            receivers: [const { None }; SERVICES],
            posters: [const { None }; SERVICES],
            unheard_count: 0,
            dropped_count: 0,
            refused: RefusedPosts { counts: [0; PostError::COUNT] },
        }
    }

    // --- Life ---

    pub(super) fn start(&mut self) -> Result<(), LifeError> {
        match self.life {
            Life::Started => return Err(LifeError::Started),
            Life::Stopping => return Err(LifeError::Stopping),
            Life::Stopped => self.life = Life::Started,
        }
        self.admit();
        let now_ms = self.now_ms;
        for service in &mut self.services {
            service.bucket = service.quota.map(|quota| Bucket::full(quota, now_ms));
        }
        Ok(())
    }

    /// From here on nothing is posted or received, and `drain` empties the queues.
    pub(super) fn begin_stop(&mut self) -> Result<(), LifeError> {
        match self.life {
            Life::Stopped => return Err(LifeError::NotStarted),
            Life::Stopping => return Err(LifeError::Stopping),
            Life::Started => self.life = Life::Stopping,
        }
        self.admit();
        Ok(())
    }

    pub(super) fn end_stop(&mut self) {
        self.life = Life::Stopped;
    }

    fn admit(&mut self) {
        let does_run = self.life == Life::Started;
        self.services.iter_mut().for_each(|service| service.admit(does_run));
    }

    // --- Services ---

    pub(super) fn service(&self, id: ServiceId) -> Option<&Service> {
        let service = self.services.get(id.index())?;
        (service.id == id && id != ServiceId::NOBODY).then_some(service)
    }

    pub(super) fn service_mut(&mut self, id: ServiceId) -> Option<&mut Service> {
        let service = self.services.get_mut(id.index())?;
        (service.id == id && id != ServiceId::NOBODY).then_some(service)
    }

    pub(super) fn register(
        &mut self,
        name: &'static str,
        settings: &Settings,
    ) -> Result<ServiceId, ServiceError> {
        let (now_ms, does_run) = (self.now_ms, self.life == Life::Started);
        let vacant = self.services.iter_mut().enumerate().find(|(_, service)| service.is_vacant());
        let Some((index, service)) = vacant else {
            return Err(ServiceError::TooMany { service_count: SERVICES });
        };
        let id = service.open(index, name, settings, now_ms);
        service.admit(does_run);
        Ok(id)
    }

    /// From here on the service posts and gets nothing, and `drain` empties its queues.
    pub(super) fn begin_leave(&mut self, id: ServiceId) -> Result<(), ServiceError> {
        let Some(service) = self.service_mut(id) else {
            return Err(ServiceError::UnknownService { service: id });
        };
        service.id = ServiceId::NOBODY;
        service.admit(false);
        Ok(())
    }

    /// The place may be used again.
    pub(super) fn end_leave(&mut self, index: usize) {
        self.services[index].close();
    }

    pub(super) fn is_registered(&self, id: ServiceId) -> bool {
        self.service(id).is_some()
    }

    // --- Waiting ---

    /// Will the receiver of a service be woken by just this waker?
    pub(super) fn is_receiver(&self, id: ServiceId, waker: &Waker) -> bool {
        let known = self.receivers.get(id.index()).and_then(Option::as_ref);
        known.is_some_and(|known| known.will_wake(waker))
    }

    /// Sets or clears who is woken when something comes for a service. What is not needed comes out,
    /// to be dropped outside the lock.
    pub(super) fn set_receiver(&mut self, id: ServiceId, waker: Option<Waker>) -> Option<Waker> {
        if self.service(id).is_none() {
            return waker;
        }
        set_waker(&mut self.receivers, &mut self.receiving, id.index(), waker)
    }

    /// Sets or clears who is woken when there may be room for what a service posts.
    /// `is_for_memory` says that memory is what there was none of.
    pub(super) fn set_poster(
        &mut self,
        id: ServiceId,
        waker: Option<Waker>,
        is_for_memory: bool,
    ) -> Option<Waker> {
        if self.service(id).is_none() {
            return waker;
        }
        self.starving &= !(1 << id.index());
        self.starving |= u32::from(is_for_memory) << id.index();
        set_waker(&mut self.posters, &mut self.posting, id.index(), waker)
    }

    pub(super) fn take_receiver(&mut self, at: usize) -> Option<Waker> {
        set_waker(&mut self.receivers, &mut self.receiving, at, None)
    }

    pub(super) fn take_poster(&mut self, at: usize) -> Option<Waker> {
        set_waker(&mut self.posters, &mut self.posting, at, None)
    }

    // --- Figures ---

    pub(super) fn count_refused(&mut self, error: &PostError) {
        let count = &mut self.refused.counts[error.kind()];
        *count = count.wrapping_add(1);
    }

    pub(super) fn stats(&self) -> BusStats {
        BusStats {
            is_started: self.life == Life::Started,
            posted_count: self.queued_count.wrapping_add(self.unheard_count),
            delivered_count: self.delivered_count,
            dropped_count: self.dropped_count,
            refused: self.refused,
            alive_count: self.queued_count.wrapping_sub(self.vacated_count) as usize,
            peak_count: usize::from(self.fresh),
            event_count: EVENTS,
            service_count: self.services.iter().filter(|service| !service.is_vacant()).count(),
        }
    }

    pub(super) fn service_stats(&self, id: ServiceId) -> Option<ServiceStats> {
        self.service(id).map(Service::stats)
    }

    /// The service of that place, if it is registered.
    pub(super) fn service_at(&self, at: usize) -> Option<ServiceId> {
        self.services.get(at).map(|service| service.id).filter(|&id| id != ServiceId::NOBODY)
    }
}

fn set_waker(
    wakers: &mut [Option<Waker>],
    mask: &mut u32,
    at: usize,
    waker: Option<Waker>,
) -> Option<Waker> {
    *mask = if waker.is_some() { *mask | 1 << at } else { *mask & !(1 << at) };
    core::mem::replace(&mut wakers[at], waker)
}
