//! Functions of overlays by name and type.

use core::marker::PhantomData;
use core::ops::Deref;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::{LoadError, Loader, Pin, load::Stay};

/// A function that an overlay exports, with its type: a handle to keep in a `static`.
///
/// ```
/// use esparto_overlay::Function;
///
/// // SAFETY: `fft` exports `int fft_bins(int)`.
/// static BINS: Function<extern "C" fn(i32) -> i32> = unsafe { Function::new("fft", "fft_bins") };
/// ```
#[derive(Debug)]
pub struct Function<F> {
    overlay: &'static str,
    name: &'static str,
    /// Its number plus 1 and its address as linked, once they were looked up.
    number: AtomicU32,
    linked_addr: AtomicU32,
    signature: PhantomData<F>,
}

// SAFETY: what is shared is a name and two numbers; a function pointer made of them is `F`'s own.
unsafe impl<F> Sync for Function<F> {}

impl<F: Copy> Function<F> {
    /// The function `name` of the overlay `overlay`.
    ///
    /// # Safety
    /// `F` is a function pointer type, and that of the function.
    #[must_use]
    pub const unsafe fn new(overlay: &'static str, name: &'static str) -> Self {
        const { assert!(size_of::<F>() == size_of::<usize>(), "a function pointer is wanted") };
        Self {
            overlay,
            name,
            number: AtomicU32::new(0),
            linked_addr: AtomicU32::new(0),
            signature: PhantomData,
        }
    }

    /// Pins the overlay and finds the function. The name is looked up in storage once and for all.
    ///
    /// # Errors
    /// [`LoadError::UnknownName`], [`LoadError::NoSymbol`], or why it cannot be loaded.
    pub fn pin<'a>(&self, loader: &'a dyn Loader) -> Result<Bound<'a, F>, LoadError> {
        self.bind(loader, Stay::Here)
    }

    pub(crate) fn bind<'a>(
        &self,
        loader: &'a dyn Loader,
        stay: Stay,
    ) -> Result<Bound<'a, F>, LoadError> {
        // Whoever comes second finds the same, so the order of the two numbers does not matter.
        let number = match self.number.load(Ordering::Relaxed) {
            0 => loader.number(self.overlay)?,
            number => number as usize - 1,
        };
        let linked_addr = match self.linked_addr.load(Ordering::Relaxed) {
            0 => loader.lookup(number, self.name)?,
            addr => addr,
        };
        self.number.store(number as u32 + 1, Ordering::Relaxed);
        self.linked_addr.store(linked_addr, Ordering::Relaxed);
        let pin = Pin::new(loader, number, stay)?;
        let addr = pin.place(linked_addr) as usize;
        // SAFETY: `F` is a function pointer, as promised to `new`, and as wide as an address.
        let function = unsafe { core::mem::transmute_copy::<usize, F>(&addr) };
        Ok(Bound { function, pin })
    }
}

/// A function of a pinned overlay: call it as `(*bound)(…)`. A call is a load and a jump.
#[must_use = "an overlay is pinned for as long as this lives"]
pub struct Bound<'a, F> {
    function: F,
    pin: Pin<'a>,
}

impl<'a, F> Bound<'a, F> {
    /// The pin that holds the overlay.
    pub const fn pin(&self) -> &Pin<'a> {
        &self.pin
    }
}

impl<F> Deref for Bound<'_, F> {
    type Target = F;

    #[inline(always)]
    fn deref(&self) -> &F {
        &self.function
    }
}
