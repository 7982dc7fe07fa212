//! The objects and archives of a link: those with marks are changed, the others left alone.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::{fs, io};

use ar_archive_writer::{
    ArchiveKind, DEFAULT_OBJECT_READER, NewArchiveMember, write_archive_to_stream,
};
use memchr::memmem;
use object::elf;
use object::read::archive::ArchiveFile;
use rustc_hash::FxHashMap;

use super::config::Config;
use super::files;
use super::marked::{MARK, Marked, Owners};
use super::retarget::Stubbed;
use crate::Failure;

/// How an archive begins whose members are files beside it.
const THIN: &[u8] = b"!<thin>";

/// What the marks in a link come to.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// What is linked instead of which file.
    pub(crate) replaced: FxHashMap<PathBuf, PathBuf>,
    /// The archives among them.
    pub(crate) archives: Vec<PathBuf>,
    /// Whose function is whose.
    pub(crate) owners: Owners,
    /// The stubs of each overlay.
    pub(crate) stubs: Vec<Vec<Stubbed>>,
    /// The flags of the ELF headers, for each overlay that has a marked section.
    pub(crate) e_flags: Vec<Option<u32>>,
}

/// A file of the link with something marked in it.
struct Source {
    file: PathBuf,
    /// The members of an archive, or the one object; marked ones await their change.
    parts: Vec<Part>,
    is_archive: bool,
}

struct Part {
    name: String,
    bytes: Vec<u8>,
    marked: Option<Marked>,
}

/// Changes what has marks among `inputs`; what comes of it goes to `folder`.
///
/// # Errors
/// A file that cannot be read, or a mark that cannot be followed.
pub(crate) fn collect(
    inputs: &[PathBuf],
    config: &Config,
    folder: &Path,
) -> Result<Collected, Failure> {
    let mut sources: Vec<Source> = Vec::new();
    let mut tag = 0;
    for file in inputs {
        if sources.iter().any(|source| source.file == *file) {
            continue;
        }
        let bytes = fs::read(file).map_err(|error| Failure::io("read", file, error))?;
        // A thin archive only names its members.
        if bytes.starts_with(THIN) || memmem::find(&bytes, MARK.as_bytes()).is_some() {
            sources.extend(Source::read(file, bytes, &mut tag, config)?);
        }
    }

    let count = config.overlays.len();
    let mut collected = Collected {
        stubs: vec![Vec::new(); count],
        e_flags: vec![None; count],
        ..Collected::default()
    };
    let marked = sources.iter().flat_map(|source| &source.parts).filter_map(|p| p.marked.as_ref());
    for object in marked {
        object.add_owners(&mut collected.owners);
        for overlay in object.overlays() {
            *collected.e_flags[usize::from(overlay)].get_or_insert(0) |= object.e_flags();
        }
    }
    if !sources.is_empty() {
        fs::create_dir_all(folder).map_err(|error| Failure::io("create", folder, error))?;
    }
    for (number, source) in sources.into_iter().enumerate() {
        let name = source.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let changed = folder.join(format!("{number}-{name}"));
        let (file, is_archive) = (source.file.clone(), source.is_archive);
        let bytes = source.write(&mut collected, config)?;
        files::write(&changed, &bytes)?;
        if is_archive {
            collected.archives.push(changed.clone());
        }
        collected.replaced.insert(file, changed);
    }
    Ok(collected)
}

impl Source {
    fn read(
        file: &Path,
        bytes: Vec<u8>,
        tag: &mut usize,
        config: &Config,
    ) -> Result<Option<Self>, Failure> {
        let is_archive = bytes.starts_with(b"!<arch>") || bytes.starts_with(THIN);
        let mut parts = Vec::new();
        if is_archive {
            for (name, bytes) in members(file, &bytes)? {
                parts.push(Part { name, bytes, marked: None });
            }
        } else {
            parts.push(Part { name: String::new(), bytes, marked: None });
        }
        for part in &mut parts {
            let is_object = part.bytes.starts_with(&elf::ELFMAG);
            if is_object && memmem::find(&part.bytes, MARK.as_bytes()).is_some() {
                *tag += 1;
                let member =
                    if is_archive { format!("member {}: ", part.name) } else { String::new() };
                part.marked = Marked::read(&part.bytes, file, &member, *tag, config)?;
            }
        }
        let has_marks = parts.iter().any(|part| part.marked.is_some());
        Ok(has_marks.then(|| Self { file: file.to_owned(), parts, is_archive }))
    }

    /// The file as it is linked; its stubs go to `collected`.
    fn write(self, collected: &mut Collected, config: &Config) -> Result<Vec<u8>, Failure> {
        let mut parts = Vec::new();
        for part in self.parts {
            let Some(marked) = part.marked else {
                parts.push((part.name, part.bytes));
                continue;
            };
            let (bytes, stubs) = marked.retarget(&collected.owners, config);
            for (overlay, stub) in stubs {
                let own = &mut collected.stubs[usize::from(overlay)];
                // An inline function is in several objects.
                if !own.contains(&stub) {
                    own.push(stub);
                }
            }
            parts.push((part.name, bytes));
        }
        if !self.is_archive {
            return Ok(parts.swap_remove(0).1);
        }
        archive(parts).map_err(|error| Failure::io("write the members of", &self.file, error))
    }
}

/// The members of an archive by name, as bytes of their own; those of a thin one are read from their
/// files.
///
/// # Errors
/// A damaged archive.
pub(crate) fn members(file: &Path, bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let broken = |error: object::Error| {
        Failure::bad_input(format!("a damaged library: {error}"))
            .in_file(file)
            .mend("build it again")
    };
    let archive = ArchiveFile::parse(bytes).map_err(broken)?;
    let mut members = Vec::new();
    for member in archive.members() {
        let member = member.map_err(broken)?;
        let name = String::from_utf8_lossy(member.name()).into_owned();
        let data = if archive.is_thin() {
            let beside = file.parent().unwrap_or(Path::new("")).join(&name);
            fs::read(&beside).map_err(|error| {
                let library = file.display();
                Failure::io("read", &beside, error).mend(format!(
                    "build it: {library} names it as a member, and has not its bytes"
                ))
            })?
        } else {
            member.data(bytes).map_err(broken)?.to_vec()
        };
        members.push((name, data));
    }
    Ok(members)
}

fn archive(parts: Vec<(String, Vec<u8>)>) -> io::Result<Vec<u8>> {
    let members: Vec<_> = parts
        .into_iter()
        .map(|(name, bytes)| NewArchiveMember::new(bytes, &DEFAULT_OBJECT_READER, name))
        .collect();
    let mut written = Cursor::new(Vec::new());
    write_archive_to_stream(&mut written, &members, ArchiveKind::Gnu, false, None)?;
    Ok(written.into_inner())
}
