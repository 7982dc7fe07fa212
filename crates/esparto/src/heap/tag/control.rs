//! The control block at the heap's start, and the words and tags of the blocks.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::Preset;
use super::bits::{FIRST_HUGE, FIRST_LARGE, large_list_of};
use crate::Region;
use crate::region::trimmed;

/// The tag in front of a live block whose neighbour in front is live.
pub(super) const LIVE: u8 = 0;
/// The tag in front of a live block whose neighbour in front is free.
pub(super) const AFTER_FREE: u8 = 0x80;
/// The tag in front of a free block of this many granules or more. Fewer are the tag themselves.
pub(super) const LARGE: u8 = 127;

/// What a footer carries above the size: the tag behind it, which is that of a live block.
const FOOTER_TAG: u32 = (AFTER_FREE as u32) << 24;
const FOOTER_SIZE: u32 = 0x00FF_FFFF;

/// A stored reference to a block or a list head: on small targets the pointer itself, on others
/// the distance from the heap's start.
#[cfg(target_pointer_width = "32")]
type Link = *mut u8;
#[cfg(not(target_pointer_width = "32"))]
type Link = u32;

const _: () = assert!(size_of::<Link>() == 4);

// The words of a control block, as byte offsets from its first.
pub(super) const SMALL_MAP: usize = 0;
pub(super) const LARGE_MAP: usize = 4;
/// The bytes in free blocks that are too small for a list, and above them the number of the last
/// list.
const CRUMBS: usize = 8;
const LAST_SHIFT: u32 = 26;
/// The length of the longest stretch: no block is longer.
pub(super) const MOST: usize = 12;
/// The stretch that was added last; the end of the first one, plus [`FIRST`], when there is no other.
pub(super) const STRETCHES: usize = 16;
/// Tells an end from a stretch.
pub(super) const FIRST: usize = 1;
const WORDS_END: usize = 20;
// With a cache only.
/// From which size on blocks are not kept at the moment, less the smallest that can be: 0 when memory is
/// scarce, and then none is.
pub(super) const KEPT: usize = 20;
/// The large lists, as a part of their map, whose blocks mean that there is room.
pub(super) const ROOMY: usize = 24;
/// The cache list that is emptied next, by its blocks' size.
pub(super) const DRAIN: usize = 28;
const CACHE_WORDS_END: usize = 32;
// With coarse sizes only.
/// Requests below this have a cache list.
pub(super) const UPPER: usize = 32;
const COARSE_WORDS_END: usize = 36;

/// A pointer into the control block; everything else is reached from it.
///
/// A *block* is named by the address `b` of its first payload byte, a multiple of the granule. Of
/// `s` bytes, a multiple of the granule too, it owns `b - 1 .. b + s - 1`: its tag, its payload,
/// and not the last byte before `b + s`, which is the tag of the block behind.
pub(super) struct Control<P> {
    /// The place of the head of list 0, which does not exist: the words lie in front, the heads
    /// behind. So a head's address is one addition away.
    base: NonNull<u8>,
    preset: PhantomData<P>,
}

impl<P> Clone for Control<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Control<P> {}

impl<P: Preset> Control<P> {
    pub(super) const GRANULE: usize = {
        assert!(P::GRANULE_BYTES.is_power_of_two());
        assert!(P::GRANULE_BYTES >= 4 && P::GRANULE_BYTES <= 16);
        P::GRANULE_BYTES
    };
    /// The smallest block that has room for two links and a footer, and so is in a list.
    pub(super) const LISTED: usize = 12usize.next_multiple_of(Self::GRANULE);
    /// The largest request in the small lists, exclusive: one less than the payload of 31 granules
    /// rounds to less than 32.
    pub(super) const SMALL_LIMIT: usize = (FIRST_LARGE - 1) * Self::GRANULE;
    /// Footers state granules in 24 bits.
    pub(super) const LIMIT: usize = 1 << 24;

    /// Are large blocks placed low? What is free then lies together further up. A cache scatters what it
    /// keeps wherever that lies: there it only costs.
    pub(super) const LOW_FIRST: bool = !Self::HAS_CACHE;
    /// The heads of the lists start behind the words, those of the cache first.
    const LISTS_AT: usize =
        if Self::HAS_CACHE { Self::CACHE_AT + 4 * Self::CACHE_LISTS } else { WORDS_END };
    const CACHE_AT: usize = if Self::HAS_COARSE { COARSE_WORDS_END } else { CACHE_WORDS_END };
    /// Where `base` points, from the first word.
    pub(super) const BASE: usize = Self::LISTS_AT - 4;

    /// The part of a region in which blocks can lie: less than all of it where the granule is coarser than
    /// what regions are aligned to.
    pub(super) fn cut_ends(memory: NonNull<[u8]>) -> NonNull<[u8]> {
        if Self::GRANULE <= Region::ALIGN_BYTES { memory } else { trimmed(memory, Self::GRANULE) }
    }

    pub(super) const fn new(base: NonNull<u8>) -> Self {
        Self { base, preset: PhantomData }
    }

    /// The bytes that a control block with lists 1 to `last_list` takes.
    pub(super) const fn len(last_list: usize) -> usize {
        Self::LISTS_AT + 4 * last_list
    }

    #[inline(always)]
    pub(super) fn base(self) -> *mut u8 {
        self.base.as_ptr()
    }

    /// The block at an address, with the heap's own provenance: a pointer that was handed out may
    /// have lost the right to the bytes around its block.
    #[inline(always)]
    pub(super) fn own(self, ptr: NonNull<u8>) -> *mut u8 {
        self.base().with_addr(ptr.addr().get())
    }

    /// The first byte of the control block.
    pub(super) fn start(self) -> *mut u8 {
        self.base().wrapping_sub(Self::BASE)
    }

    /// The head of the list of free blocks, by its number.
    #[inline(always)]
    pub(super) fn head(self, list: usize) -> *mut u8 {
        self.base().wrapping_add(4 * list)
    }

    /// The same for a small block, by its size: no multiplication where the granule is a word.
    #[inline(always)]
    pub(super) fn small_head(self, size: usize) -> *mut u8 {
        self.base().wrapping_add(size / (Self::GRANULE / 4))
    }

    /// The number of the list whose head is at `head`, if it is one and not inside a block.
    #[inline(always)]
    fn list_at(self, head: *mut u8) -> Option<usize> {
        let at = head.addr().wrapping_sub(self.base().addr());
        // There are fewer than 64 lists, and blocks follow them.
        if at < 256 { Some(at / 4) } else { None }
    }

    /// The head of the cache list for blocks of `size` bytes.
    #[inline(always)]
    pub(super) fn cache_head(self, size: usize) -> *mut u8 {
        self.start().wrapping_add(Self::CACHE_AT - 4 + Self::cache_list_offset(size))
    }

    /// "No block", as a decoded link.
    #[inline(always)]
    pub(super) fn none(self) -> *mut u8 {
        #[cfg(target_pointer_width = "32")]
        return core::ptr::null_mut();
        #[cfg(not(target_pointer_width = "32"))]
        return self.base();
    }

    #[inline(always)]
    pub(super) fn is_none(self, block: *mut u8) -> bool {
        block == self.none()
    }

    /// Reads a link.
    ///
    /// # Safety
    /// `at` is a word of the control block or of a free block that holds a link.
    #[inline(always)]
    pub(super) unsafe fn link(self, at: *mut u8) -> *mut u8 {
        // SAFETY: as promised.
        let link = unsafe { at.cast::<Link>().read() };
        #[cfg(target_pointer_width = "32")]
        return link;
        #[cfg(not(target_pointer_width = "32"))]
        return self.base().wrapping_add(link as usize);
    }

    /// Writes a link.
    ///
    /// # Safety
    /// `at` is a word of the control block or of a free block, meant for a link.
    #[inline(always)]
    pub(super) unsafe fn set_link(self, at: *mut u8, to: *mut u8) {
        #[cfg(target_pointer_width = "32")]
        let link = to;
        #[cfg(not(target_pointer_width = "32"))]
        let link = to.addr().wrapping_sub(self.base().addr()) as u32;
        // SAFETY: as promised.
        unsafe { at.cast::<Link>().write(link) }
    }

    /// Reads a word of the control block.
    ///
    /// # Safety
    /// The control block is initialized and `offset` is one of the constants above.
    #[inline(always)]
    pub(super) unsafe fn word(self, offset: usize) -> u32 {
        // SAFETY: as promised.
        unsafe { self.start().add(offset).cast::<u32>().read() }
    }

    /// Writes a word of the control block.
    ///
    /// # Safety
    /// As for [`word`](Self::word).
    #[inline(always)]
    pub(super) unsafe fn set_word(self, offset: usize, value: u32) {
        // SAFETY: as promised.
        unsafe { self.start().add(offset).cast::<u32>().write(value) }
    }

    /// The bytes in free blocks that are in no list.
    ///
    /// # Safety
    /// The control block is initialized.
    pub(super) unsafe fn crumbs(self) -> usize {
        // SAFETY: as promised.
        (unsafe { self.word(CRUMBS) } & ((1 << LAST_SHIFT) - 1)) as usize
    }

    /// The number of the last list, which holds everything from its least size on.
    ///
    /// # Safety
    /// The control block is initialized.
    #[inline(always)]
    pub(super) unsafe fn last_list(self) -> usize {
        // SAFETY: as promised.
        (unsafe { self.word(CRUMBS) } >> LAST_SHIFT) as usize
    }

    /// Settles the number of the last list, and that there are no crumbs yet.
    ///
    /// # Safety
    /// The control block is being initialized.
    pub(super) unsafe fn set_last_list(self, list: usize) {
        // SAFETY: as promised.
        unsafe { self.set_word(CRUMBS, (list as u32) << LAST_SHIFT) }
    }

    /// Counts bytes of free blocks outside the lists, which come (or, wrapped, go).
    ///
    /// # Safety
    /// The control block is initialized.
    #[inline(always)]
    pub(super) unsafe fn add_crumbs(self, bytes: usize) {
        // SAFETY: as promised.
        unsafe { self.set_word(CRUMBS, self.word(CRUMBS).wrapping_add(bytes as u32)) }
    }

    /// Puts a block at the front of a list.
    ///
    /// # Safety
    /// `block` is free, of a size for `list`, at least [`LISTED`](Self::LISTED) bytes and in no
    /// list.
    #[inline(always)]
    unsafe fn push(self, block: *mut u8, head: *mut u8, list: usize, map: usize) {
        // SAFETY: (list invariant) the head and its first block are the heap's.
        unsafe {
            let first = self.link(head);
            self.set_link(block, first);
            self.set_link(block.add(4), head);
            self.set_link(head, block);
            if self.is_none(first) {
                self.set_word(map, self.word(map) | 1u32.wrapping_shl(list as u32));
            } else {
                self.set_link(first.add(4), block);
            }
        }
    }

    /// Puts a block behind another one of its list.
    ///
    /// # Safety
    /// `block` is free, of a size for the list that `front` is in, and in none.
    #[inline(always)]
    unsafe fn insert(self, block: *mut u8, front: *mut u8) {
        // SAFETY: (list invariant) as for `push`.
        unsafe {
            let next = self.link(front);
            self.set_link(block, next);
            self.set_link(block.add(4), front);
            self.set_link(front, block);
            if !self.is_none(next) {
                self.set_link(next.add(4), block);
            }
        }
    }

    /// Takes the first block out of a list.
    ///
    /// # Safety
    /// `block` is the first of `list`, whose head and map word are the ones given.
    #[inline(always)]
    pub(super) unsafe fn pop(self, block: *mut u8, head: *mut u8, list: usize, map: usize) {
        // SAFETY: (list invariant) as for `push`.
        unsafe {
            let next = self.link(block);
            self.set_link(head, next);
            if self.is_none(next) {
                // The bit is set (map invariant).
                self.set_word(map, self.word(map) ^ 1u32.wrapping_shl(list as u32));
            } else {
                self.set_link(next.add(4), head);
            }
        }
    }

    /// Takes a block out of the list that it is in, wherever it stands there.
    ///
    /// # Safety
    /// `block` is free and in a list.
    #[inline(always)]
    pub(super) unsafe fn unlink(self, block: *mut u8) {
        // SAFETY: (list invariant) its two links lead to the neighbours in the list.
        unsafe {
            let next = self.link(block);
            let before = self.link(block.add(4));
            self.set_link(before, next);
            if !self.is_none(next) {
                self.set_link(next.add(4), before);
            } else if let Some(list) = self.list_at(before) {
                // The map words are neighbours: bit 5 of the number tells which.
                // The first blocks may pass for heads of lists that there are not; their bits are
                // clear anyway.
                let map = list / FIRST_LARGE * LARGE_MAP;
                self.set_word(map, self.word(map) & !1u32.wrapping_shl(list as u32));
            }
        }
    }

    /// The size of the free block whose tag is `tag`.
    ///
    /// # Safety
    /// `block` is free and `tag` is its tag.
    #[inline(always)]
    pub(super) unsafe fn size(self, block: *mut u8, tag: u8) -> usize {
        if tag < LARGE {
            usize::from(tag) * Self::GRANULE
        } else {
            // SAFETY: (block invariant) large blocks state their size.
            unsafe { self.large_size(block) }
        }
    }

    /// The size that a free block in a large list states.
    ///
    /// # Safety
    /// `block` is free and has at least 32 granules.
    #[inline(always)]
    pub(super) unsafe fn large_size(self, block: *mut u8) -> usize {
        // SAFETY: (block invariant) its third word is the size.
        unsafe { block.add(8).cast::<u32>().read() as usize }
    }

    /// The size of the free block that ends where the live block `block` starts.
    ///
    /// # Safety
    /// The tag of `block` is [`AFTER_FREE`].
    #[inline(always)]
    pub(super) unsafe fn size_in_front(self, block: *mut u8) -> usize {
        // SAFETY: (footer invariant) the word is the footer of the block in front, and this tag.
        let footer = unsafe { block.sub(4).cast::<u32>().read() };
        (footer & FOOTER_SIZE) as usize * Self::GRANULE
    }

    /// The tag of the block at `block`.
    ///
    /// # Safety
    /// A block starts or a stretch ends there.
    #[inline(always)]
    pub(super) unsafe fn tag(self, block: *mut u8) -> u8 {
        // SAFETY: as promised; the byte is the heap's own.
        unsafe { block.sub(1).read() }
    }

    /// Writes a tag.
    ///
    /// # Safety
    /// As for [`tag`](Self::tag), and the tag is true.
    #[inline(always)]
    pub(super) unsafe fn set_tag(self, block: *mut u8, tag: u8) {
        // SAFETY: as promised; the byte is the heap's own.
        unsafe { block.sub(1).write(tag) }
    }

    /// Makes `size` bytes at `block` one free block: its tag, its footer with the tag behind, its
    /// place in a list. O(1).
    ///
    /// # Safety
    /// The bytes are the heap's and in no list, live blocks or ends of the stretch lie on both
    /// sides.
    #[inline(always)]
    pub(super) unsafe fn place(self, block: *mut u8, size: usize) {
        // SAFETY: passed on.
        unsafe {
            if size < Self::SMALL_LIMIT + Self::GRANULE {
                self.place_small(block, size);
            } else {
                self.place_large(block, size);
            }
        }
    }

    /// [`place`](Self::place) where a call costs less than another copy of it; returns what lies
    /// `back` bytes in front of the block, so that it can be the last thing that a function does.
    ///
    /// # Safety
    /// As for `place`.
    #[inline(never)]
    pub(super) unsafe fn place_apart(self, block: *mut u8, size: usize, back: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.place(block, size) };
        block.wrapping_sub(back)
    }

    /// [`place`](Self::place) for less than 32 granules.
    ///
    /// # Safety
    /// As for `place`.
    #[inline(always)]
    pub(super) unsafe fn place_small(self, block: *mut u8, size: usize) {
        // SAFETY: passed on.
        unsafe {
            if size >= Self::LISTED {
                self.place_listed(block, size);
            } else {
                self.place_crumb(block, size);
            }
        }
    }

    /// [`place`](Self::place) for less than 32 granules that have room for links.
    ///
    /// # Safety
    /// As for `place`.
    #[inline(always)]
    pub(super) unsafe fn place_listed(self, block: *mut u8, size: usize) {
        let granules = size / Self::GRANULE;
        // SAFETY: the block is ours.
        unsafe {
            self.set_footer(block, size);
            self.set_tag(block, granules as u8);
            self.push(block, self.small_head(size), granules, SMALL_MAP);
        }
    }

    /// [`place`](Self::place) for what is too small for links: only its tag and footer are written.
    ///
    /// # Safety
    /// As for `place`.
    #[inline(always)]
    pub(super) unsafe fn place_crumb(self, block: *mut u8, size: usize) {
        // SAFETY: the block is ours.
        unsafe {
            self.set_footer(block, size);
            self.set_tag(block, (size / Self::GRANULE) as u8);
            self.add_crumbs(size);
        }
    }

    /// [`place`](Self::place) for 32 granules and more.
    ///
    /// # Safety
    /// As for `place`.
    #[inline(always)]
    pub(super) unsafe fn place_large(self, block: *mut u8, size: usize) {
        let granules = size / Self::GRANULE;
        // SAFETY: the block is ours and has room for three words and the footer.
        unsafe {
            let list = large_list_of(granules);
            self.set_footer(block, size);
            self.set_tag(block, if granules < LARGE as usize { granules as u8 } else { LARGE });
            block.add(8).cast::<u32>().write(size as u32);
            let head = self.head(list);
            let first = self.link(head);
            // Lower blocks are taken first, as far as that costs no search.
            if Self::LOW_FIRST && !self.is_none(first) && first < block {
                self.insert(block, first);
            } else {
                self.push(block, head, list, LARGE_MAP);
            }
        }
    }

    /// Makes a large free block end elsewhere without leaving its list.
    ///
    /// # Safety
    /// `block` is in the list for a power of two to which `new` belongs; `new` bytes from it on are
    /// free or about to be, and live is what begins behind them.
    #[inline(always)]
    pub(super) unsafe fn resize(self, block: *mut u8, new: usize) {
        // SAFETY: as promised. Both sizes are those of large blocks, so the tag stays.
        unsafe {
            block.add(8).cast::<u32>().write(new as u32);
            self.set_footer(block, new);
        }
    }

    /// Makes a large free block start elsewhere without leaving its place in its list.
    ///
    /// # Safety
    /// `block` is in the list for a power of two to which `size` belongs; the `size` bytes at `to`, which
    /// end where it ends or is about to, are free or about to be.
    #[inline(always)]
    pub(super) unsafe fn shift(self, block: *mut u8, to: *mut u8, size: usize) {
        // SAFETY: (list invariant) its two links lead to the neighbours in the list.
        unsafe {
            let next = self.link(block);
            let before = self.link(block.add(4));
            self.set_link(to, next);
            self.set_link(to.add(4), before);
            self.set_link(before, to);
            if !self.is_none(next) {
                self.set_link(next.add(4), to);
            }
            self.set_tag(to, LARGE);
            self.resize(to, size);
        }
    }

    /// Do both sizes, of which one is no larger, belong in the same list for a power of two? From those
    /// lists most is taken, and to them most comes back, while memory is fresh.
    #[inline(always)]
    pub(super) fn is_same_huge_list(smaller: usize, larger: usize) -> bool {
        // Below the highest bit of the smaller lies what differs: the same power of two, the same list.
        smaller >= FIRST_HUGE * Self::GRANULE && smaller ^ larger < smaller
    }

    /// Writes the last word of a free block: its size, and the tag of the live block behind.
    ///
    /// # Safety
    /// `block` is free, `size` bytes long, and what is behind is live or the end.
    #[inline(always)]
    unsafe fn set_footer(self, block: *mut u8, size: usize) {
        let footer = (size / Self::GRANULE) as u32 | FOOTER_TAG;
        // SAFETY: as promised; three bytes are the block's, the fourth is a tag.
        unsafe { block.add(size).sub(4).cast::<u32>().write(footer) }
    }

    /// What the footer at the end of a free block says, with the tag behind it taken off.
    ///
    /// # Safety
    /// `end` is the end of a free block.
    pub(super) unsafe fn footer_granules(self, end: *mut u8) -> usize {
        // SAFETY: as promised.
        (unsafe { end.sub(4).cast::<u32>().read() } & FOOTER_SIZE) as usize
    }

    /// Takes the free block behind a live one out of the free blocks; returns its size, 0 when what
    /// is behind is live. The tag behind it still says "after a free block".
    ///
    /// # Safety
    /// `end` is the end of a live block.
    #[inline(always)]
    pub(super) unsafe fn detach_behind(self, end: *mut u8) -> usize {
        // SAFETY: (tag invariant) behind a live block, a tag that is not `LIVE` is a free block's.
        unsafe {
            let tag = self.tag(end);
            if tag == LIVE {
                return 0;
            }
            let size = self.size(end, tag);
            if size >= Self::LISTED {
                self.unlink(end);
            } else {
                self.add_crumbs(size.wrapping_neg());
            }
            size
        }
    }
}
