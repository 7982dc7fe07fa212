//! Trust: overlays that are loaded only if a signed manifest vouches for them.
//!
//! The manifest is verified once. What it says of each file is kept in memory, and every file is
//! hashed as it passes by on its way into the slot: a card that is changed or exchanged later is
//! found out too.

use esparto_image::Part;
use esparto_image::manifest::{
    Hasher, MANIFEST_NAME, ManifestEntry, ManifestError, ManifestReader, PublicKey,
};

use crate::{
    LoadError, Overlays, Platform, Store, Tables, Writer,
    fault::{Checked, explained, refuse},
    state::NONE,
    stream::Engine,
};

/// What a manifest says of one file, as the loader keeps it: 40 bytes for each of the two files of
/// an overlay.
#[derive(Clone, Copy, Debug)]
pub struct Seal(Option<ManifestEntry>);

impl Seal {
    /// Nothing yet.
    pub const EMPTY: Self = Self(None);
}

/// What the engine knows of the manifest.
pub(crate) struct Trust {
    /// What is vouched for; `None` while nobody asked for trust.
    seals: Option<&'static mut [Seal]>,
    /// The hash of the file that is read.
    pub(crate) hasher: Hasher,
}

impl Trust {
    pub(crate) fn new() -> Self {
        Self { seals: None, hasher: Hasher::new() }
    }

    /// What is vouched for of a file; `None` where no trust is asked for.
    fn entry(&self, overlay: u16, part: Part) -> Option<Result<ManifestEntry, ManifestError>> {
        let seals = self.seals.as_deref()?;
        let seal = seals.get(place_of(overlay, part)).and_then(|seal| seal.0);
        Some(seal.ok_or(ManifestError::Missing { overlay, part }))
    }
}

const fn place_of(overlay: u16, part: Part) -> usize {
    2 * overlay as usize + matches!(part, Part::Data) as usize
}

fn refuse_manifest<T>(why: &mut LoadError, cause: ManifestError) -> Checked<T> {
    refuse(why, LoadError::Manifest { cause })
}

impl<S: Store, W> Engine<S, W> {
    /// The file that was opened is one that is vouched for, as far as its length tells.
    pub(crate) fn check_length(&mut self, overlay: usize, actual_bytes: u32) -> Checked<()> {
        self.trust.hasher = Hasher::new();
        let (overlay, part) = (overlay as u16, self.part);
        let expected_bytes = match self.trust.entry(overlay, part) {
            None => return Ok(()),
            Some(Ok(entry)) => entry.file_bytes,
            Some(Err(cause)) => return refuse_manifest(&mut self.why, cause),
        };
        if actual_bytes == expected_bytes {
            return Ok(());
        }
        let cause = ManifestError::WrongLength { overlay, part, actual_bytes, expected_bytes };
        refuse_manifest(&mut self.why, cause)
    }

    /// The file that was read is the one that is vouched for.
    pub(crate) fn check_seal<P: Platform>(&mut self, platform: &P, overlay: usize) -> Checked<()> {
        let (overlay, part) = (overlay as u16, self.part);
        let Some(Ok(entry)) = self.trust.entry(overlay, part) else { return Ok(()) };
        self.skip_to(platform, entry.file_bytes, None)?;
        let hash = core::mem::take(&mut self.trust.hasher).finish();
        if hash == entry.hash {
            return Ok(());
        }
        let start = |hash: &[u8; 32]| hash.first_chunk().map_or(0, |id| u32::from_be_bytes(*id));
        let (actual, expected) = (start(&hash), start(&entry.hash));
        let cause = ManifestError::WrongHash { overlay, part, actual, expected };
        refuse_manifest(&mut self.why, cause)
    }
}

impl<S, W, P, T, const SLOTS: usize, const OVERLAYS: usize> Overlays<S, W, P, T, SLOTS, OVERLAYS>
where
    S: Store,
    W: Writer,
    P: Platform,
    T: Tables,
{
    /// Loads from now on only what the manifest on the storage vouches for, and the manifest only if
    /// `key` has signed it. Both files of every overlay of the firmware must be in it. `seals` has
    /// two places for each overlay.
    ///
    /// Call it before anything is loaded. When it fails, nothing is loaded any more, until it
    /// succeeds.
    ///
    /// Verifying the signature takes some millions of instructions once; every load hashes its
    /// files, which takes about as long as reading them from a card.
    ///
    /// # Errors
    /// [`LoadError::ManifestFile`] when it cannot be read, [`LoadError::Manifest`] when it is not
    /// right, [`LoadError::AlreadyLoaded`], [`LoadError::InInterrupt`].
    pub fn trust(&self, key: &PublicKey, seals: &'static mut [Seal]) -> Result<(), LoadError> {
        explained(|why| {
            if self.platform.in_interrupt() {
                return refuse(why, LoadError::InInterrupt);
            }
            let _turn = self.turn();
            if let Some(overlay) = self.occupants().into_iter().find(|there| *there != NONE) {
                return refuse(why, LoadError::AlreadyLoaded { overlay });
            }
            // SAFETY: it is our turn, and nothing in here loads.
            let engine = unsafe { self.engine() };
            // Whatever happens, what is not vouched for is refused.
            engine.trust.seals = Some(&mut []);
            seals.fill(Seal::EMPTY);
            self.read_manifest(engine, key, seals, why)?;
            engine.trust.seals = Some(seals);
            Ok(())
        })
    }

    fn read_manifest(
        &self,
        engine: &mut Engine<S, W>,
        key: &PublicKey,
        seals: &mut [Seal],
        why: &mut LoadError,
    ) -> Checked<()> {
        let count = self.tables.overlay_count();
        if seals.len() < 2 * count {
            let cause = ManifestError::TooMany { actual: count, limit: seals.len() / 2 };
            return refuse_manifest(why, cause);
        }
        let mut file = match engine.store.open(MANIFEST_NAME) {
            Ok(file) => file,
            Err(cause) => return refuse(why, LoadError::ManifestFile { offset: 0, cause }),
        };
        let outcome = read_all(engine, &mut file, key, count, seals);
        engine.store.close(file);
        let build_id = match outcome {
            Ok(build_id) => build_id,
            Err(error) => return refuse(why, error),
        };
        let expected = self.tables.identity().build_id;
        let (actual, _) = build_id.as_chunks::<4>();
        if !actual.iter().zip(expected).all(|(bytes, word)| u32::from_le_bytes(*bytes) == *word) {
            let (actual, expected) = (u32::from_be_bytes(actual[0]), expected[0].swap_bytes());
            return refuse_manifest(why, ManifestError::WrongBuild { actual, expected });
        }
        for overlay in 0..count as u16 {
            for part in [Part::Code, Part::Data] {
                if seals.get(place_of(overlay, part)).is_none_or(|seal| seal.0.is_none()) {
                    return refuse_manifest(why, ManifestError::Missing { overlay, part });
                }
            }
        }
        Ok(())
    }
}

impl From<ManifestError> for LoadError {
    fn from(cause: ManifestError) -> Self {
        Self::Manifest { cause }
    }
}

/// Reads the manifest through the bounce buffer; answers the build id that it is for.
fn read_all<S: Store, W>(
    engine: &mut Engine<S, W>,
    file: &mut S::File,
    key: &PublicKey,
    count: usize,
    seals: &mut [Seal],
) -> Result<[u8; 32], LoadError> {
    let failed = |offset| move |cause| LoadError::ManifestFile { offset, cause };
    let len = engine.store.len_bytes(file).map_err(failed(0))?;
    let mut reader = ManifestReader::new(*key, len)?;
    let mut offset = 0;
    while offset < len {
        let whole: &mut [u8] = bytemuck::cast_slice_mut(engine.buffer);
        let want = whole.len().min((len - offset) as usize);
        let piece = &mut whole[..want];
        let came = engine.store.read_at(file, offset, piece).map_err(failed(offset))?;
        if came != want || want == 0 {
            let (expected_bytes, actual_bytes) = (len, offset + came as u32);
            return Err(ManifestError::Truncated { expected_bytes, actual_bytes }.into());
        }
        reader.update(piece, |entry| {
            let number = usize::from(entry.overlay);
            if number >= count {
                return Err(LoadError::UnknownOverlay { actual: number, count });
            }
            if let Some(seal) = seals.get_mut(place_of(entry.overlay, entry.part)) {
                *seal = Seal(Some(*entry));
            }
            Ok(())
        })?;
        offset += want as u32;
    }
    Ok(reader.finish()?)
}
