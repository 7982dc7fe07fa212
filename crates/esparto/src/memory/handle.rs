//! Handles for collections: a memory with a policy.

use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;

use super::{AllocError, Memory};
use crate::{Owner, Policy, Silent, Sink};

/// A memory with a policy and, if wanted, an owner: what a collection keeps.
///
/// Implements `Allocator` of allocator-api2 0.3 and 0.4 under the features `allocator-api2-v0_3`
/// and `allocator-api2-v0_4`.
pub struct Handle<'m, const N: usize, S: Sink = Silent> {
    memory: &'m Memory<N, S>,
    policy: Policy,
    owner: Option<Owner>,
}

impl<const N: usize, S: Sink> Clone for Handle<'_, N, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<const N: usize, S: Sink> Copy for Handle<'_, N, S> {}

impl<const N: usize, S: Sink> fmt::Debug for Handle<'_, N, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("policy", &self.policy).field("owner", &self.owner).finish()
    }
}

impl<'m, const N: usize, S: Sink> Handle<'m, N, S> {
    pub(super) const fn new(memory: &'m Memory<N, S>, policy: Policy) -> Self {
        Self { memory, policy, owner: None }
    }

    /// The same handle, with every request recorded as `owner`'s.
    #[must_use]
    pub const fn owned_by(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Allocates under the handle's policy. A size of zero gets a dangling, aligned pointer.
    ///
    /// # Errors
    /// As for [`Memory::allocate`].
    pub fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let ptr = if layout.size() == 0 {
            dangling(layout)
        } else {
            self.memory.allocate_for(self.owner, layout, self.policy)?
        };
        Ok(NonNull::slice_from_raw_parts(ptr, layout.size()))
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// As for [`Memory::deallocate`]; of a size of zero nothing is given back.
    pub unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: passed on.
            unsafe { self.memory.deallocate_for(self.owner, ptr, layout) };
        }
    }

    /// Changes the size of a block.
    ///
    /// # Errors
    /// As for [`Memory::resize`].
    ///
    /// # Safety
    /// As for [`Memory::resize`]; either size may be zero.
    pub unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
    ) -> Result<NonNull<[u8]>, AllocError> {
        if old.size() == 0 {
            return self.allocate(new);
        }
        let ptr = if new.size() == 0 {
            // SAFETY: passed on.
            unsafe { self.deallocate(ptr, old) };
            dangling(new)
        } else {
            // SAFETY: passed on.
            unsafe { self.memory.resize_for(self.owner, ptr, old, new, self.policy) }?
        };
        Ok(NonNull::slice_from_raw_parts(ptr, new.size()))
    }
}

fn dangling(layout: Layout) -> NonNull<u8> {
    NonNull::without_provenance(match core::num::NonZero::new(layout.align()) {
        Some(align) => align,
        None => core::num::NonZero::<usize>::MIN,
    })
}

/// The trait is the same in both releases, but they are different traits.
macro_rules! impl_allocator {
    ($feature:literal, $api:ident) => {
        // SAFETY: blocks stay where they are until they are given back, whichever copy of the
        // handle is moved or dropped; every copy speaks to the same memory.
        #[cfg(feature = $feature)]
        unsafe impl<const N: usize, S: Sink> $api::alloc::Allocator for Handle<'_, N, S> {
            fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                Handle::allocate(self, layout).map_err(|_| $api::alloc::AllocError)
            }

            unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
                // SAFETY: passed on.
                unsafe { Handle::deallocate(self, ptr, layout) }
            }

            unsafe fn grow(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: passed on.
                unsafe { self.resize(ptr, old, new) }.map_err(|_| $api::alloc::AllocError)
            }

            unsafe fn grow_zeroed(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: passed on.
                let block = unsafe { self.resize(ptr, old, new) };
                let block = block.map_err(|_| $api::alloc::AllocError)?;
                // SAFETY: the block is `new.size()` long; the bytes behind the old ones are ours.
                unsafe {
                    let added = block.cast::<u8>().add(old.size());
                    added.write_bytes(0, new.size() - old.size());
                }
                Ok(block)
            }

            unsafe fn shrink(
                &self,
                ptr: NonNull<u8>,
                old: Layout,
                new: Layout,
            ) -> Result<NonNull<[u8]>, $api::alloc::AllocError> {
                // SAFETY: passed on.
                unsafe { self.resize(ptr, old, new) }.map_err(|_| $api::alloc::AllocError)
            }
        }
    };
}

impl_allocator!("allocator-api2-v0_3", allocator_api2_v0_3);
impl_allocator!("allocator-api2-v0_4", allocator_api2_v0_4);
