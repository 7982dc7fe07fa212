//! Stacks: painted, with a canary and a high-water mark.

use core::ffi::{c_char, c_void};
use core::mem::MaybeUninit;

use esparto::Caps;
use esparto::stack::{self, Stack, StackSpan};

use crate::Status;
use crate::caps::caps;
use crate::handle::{Kind, Place, put};
use crate::name::name;
use crate::system::{Listener, MEMORY, REGION_LIMIT};
use crate::text::Text;

/// A stack. Zeroed, or of static duration, before it is set up; not to be copied.
#[repr(C)]
pub struct StackHandle {
    /// Private.
    opaque: [usize; 16],
}

enum Kept {
    Adopted(Stack<stack::Adopted<'static>>),
    Allocated(Stack<esparto::Block<'static, REGION_LIMIT, Listener>>),
}

impl Kind for Kept {
    const SEAL: usize = 0x5374_616B;
}

impl Kept {
    fn span(&self) -> &StackSpan {
        match self {
            Self::Adopted(stack) => stack,
            Self::Allocated(stack) => stack,
        }
    }
}

/// # Safety
/// As for `Place::get`.
pub(crate) unsafe fn get<'h>(stack: *mut StackHandle) -> Result<&'h StackSpan, Status> {
    // SAFETY: passed on.
    unsafe { Place::<Kept>::get(stack) }.map(Kept::span)
}

/// Takes a stack from memory that has all of `caps`, and paints it. The name is the task's.
///
/// # Safety
/// The handle is the caller's, and stays where it is until it is ended; the name lives for ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_init(
    stack: *mut StackHandle,
    task_name: *const c_char,
    task_name_len: usize,
    size_bytes: usize,
    caps: u16,
) -> Status {
    let init = || {
        // SAFETY: passed on.
        let task = unsafe { name(task_name, task_name_len)? };
        let policy = self::caps(caps)? | Caps::BYTE;
        let value = Kept::Allocated(Stack::allocate(task, &MEMORY, policy, size_bytes)?);
        // SAFETY: passed on.
        unsafe { Place::set(stack, |place| Ok(place.write(value))) }
    };
    Status::of(init())
}

/// Takes over the caller's memory as a stack, and paints it. No heap is involved.
///
/// # Safety
/// As for `esparto_stack_init`; the memory is the stack's until it is ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_adopt(
    stack: *mut StackHandle,
    task_name: *const c_char,
    task_name_len: usize,
    memory: *mut c_void,
    len_bytes: usize,
) -> Status {
    let init = || {
        // SAFETY: passed on.
        let task = unsafe { name(task_name, task_name_len)? };
        if memory.is_null() {
            return Err(Status::NullPointer);
        }
        let len_bytes = len_bytes.min(isize::MAX as usize);
        let memory = memory.cast::<MaybeUninit<u8>>();
        // SAFETY: the memory is the caller's, this long, and the stack's from now on.
        let memory = unsafe { core::slice::from_raw_parts_mut(memory, len_bytes) };
        let value = Kept::Adopted(Stack::adopt(task, memory)?);
        // SAFETY: passed on.
        unsafe { Place::set(stack, |place| Ok(place.write(value))) }
    };
    Status::of(init())
}

/// Ends a stack; memory that it took goes back.
///
/// # Safety
/// As for `esparto_stack_init`; no task runs on it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_deinit(stack: *mut StackHandle) -> Status {
    // SAFETY: passed on.
    Status::of(unsafe { Place::<Kept>::end(stack, |_| Ok(())) })
}

/// A stack at one moment. A word of FreeRTOS is 4 bytes.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StackStats {
    /// Its first byte; it grows towards it.
    pub start: *mut c_void,
    /// One past its last byte: where the stack pointer starts.
    pub top: *mut c_void,
    /// What the task may use.
    pub usable_bytes: usize,
    /// The most that it ever used.
    pub high_water_bytes: usize,
    /// What it never used: ESP-IDF's high-water mark.
    pub unused_bytes: usize,
    /// The same in words of 4 bytes: the high-water mark of plain FreeRTOS.
    pub unused_words: usize,
}

/// The figures of a stack. O(what was never used).
///
/// # Safety
/// The handle is null or a handle that nobody sets up or ends meanwhile; `stats` is null or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_stats(
    stack: *mut StackHandle,
    stats: *mut StackStats,
) -> Status {
    // SAFETY: passed on.
    let done = unsafe { get(stack) }.and_then(|span| {
        let unused_bytes = span.unused_bytes();
        let figures = StackStats {
            start: span.start().as_ptr().cast(),
            top: span.top().as_ptr().cast(),
            usable_bytes: span.usable_bytes(),
            high_water_bytes: span.usable_bytes() - unused_bytes,
            unused_bytes,
            unused_words: unused_bytes / 4,
        };
        // SAFETY: passed on.
        unsafe { put(stats, figures) }
    });
    Status::of(done)
}

/// Looks at the canary: `ESPARTO_STACK_OVERRUN` when the task ran over the end of its stack.
///
/// # Safety
/// As for `esparto_stack_stats`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_check(stack: *mut StackHandle) -> Status {
    // SAFETY: passed on.
    let done =
        unsafe { get(stack) }.and_then(|span| span.check().map_err(|_| Status::StackOverrun));
    Status::of(done)
}

/// The lowest range of `size_bytes` (a power of two) in the stack that a watchpoint or a PMP entry can
/// guard.
///
/// # Safety
/// As for `esparto_stack_stats`; `guard` is null or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_guard(
    stack: *mut StackHandle,
    size_bytes: usize,
    guard: *mut *mut c_void,
) -> Status {
    // SAFETY: passed on.
    let done = unsafe { get(stack) }.and_then(|span| {
        let range = span.guard(size_bytes).map_err(|_| Status::BadAlign)?;
        let start = span.start().as_ptr().with_addr(range.start_addr());
        // SAFETY: passed on.
        unsafe { put(guard, start.cast()) }
    });
    Status::of(done)
}

/// The state of a stack as a line for a log; what is wrong with it, with the name of the task, if
/// anything is. Returns the length of the whole text, as `snprintf` does; 0 for a bad handle.
///
/// # Safety
/// As for `esparto_stack_stats`; `buffer` is null or `size` bytes long.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn esparto_stack_describe(
    stack: *mut StackHandle,
    buffer: *mut c_char,
    size: usize,
) -> usize {
    // SAFETY: passed on.
    let Ok(span) = (unsafe { get(stack) }) else { return 0 };
    // SAFETY: passed on.
    let text = unsafe { Text::new(buffer, size) };
    match span.check() {
        Ok(()) => text.write(span),
        Err(breach) => text.write(breach),
    }
}
