//! What tells the GNU tools of the LX106 of another core: they take its tables of instructions from a
//! shared object. The emulator's sources have those tables, and Debian has these sources.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::Repo;
use crate::exec::Cmd;
use crate::program::DIR;

/// The core that the tools are told of: the emulator's LX6.
const CORE: &str = "de212";

/// The folder of the emulator's sources, for systems that are not Debian's kin.
const SOURCES: &str = "ESPARTO_QEMU_SOURCES";

/// What of the sources is wanted.
const WANTED: [&str; 2] = ["*/target/xtensa/*", "*/include/hw/xtensa/*"];

/// The shared object, made once.
pub(crate) fn ensure(repo: &Repo, out: &Path) -> Result<PathBuf> {
    let object = out.join("gnu").join(format!("{CORE}.so"));
    if object.is_file() {
        return Ok(object);
    }
    let folder = out.join("gnu");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let sources = match std::env::var_os(SOURCES) {
        Some(sources) => PathBuf::from(sources),
        None => fetch(&folder)?,
    };
    let xtensa = sources.join("target/xtensa");
    ensure!(
        xtensa.join(format!("core-{CORE}/core-isa.h")).is_file(),
        "{} has no core {CORE}: set {SOURCES} to the folder of QEMU's sources",
        xtensa.display()
    );
    let gnu = repo.path(DIR).join("board-windowed/gnu");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    // The linker may not see half of it, should this be interrupted.
    let part = object.with_extension("part");
    let compile = Cmd::new(compiler, &folder).words("-shared -fPIC -O1 -w -I").arg(&gnu);
    let folders = [sources.join("include"), xtensa.clone(), xtensa.join(format!("core-{CORE}"))];
    let compile = folders.iter().fold(compile, |compile, folder| compile.arg("-I").arg(folder));
    compile.arg(gnu.join("config.c")).arg("-o").arg(&part).run()?;
    fs::rename(&part, &object).with_context(|| object.display().to_string())?;
    Ok(object)
}

/// Gets the sources by `apt-get`, into a folder and with lists of its own: the system's are left alone.
fn fetch(folder: &Path) -> Result<PathBuf> {
    let Some(entry) = source_entry() else {
        bail!(
            "this needs QEMU's sources, and found no Debian packages to get them from: unpack them \
             anywhere, set {SOURCES} to that folder, and run this command again"
        );
    };
    let apt = folder.join("apt");
    for part in ["parts", "lists/partial", "cache/archives/partial"] {
        let part = apt.join(part);
        fs::create_dir_all(&part).with_context(|| part.display().to_string())?;
    }
    let list = apt.join("parts").join(entry.file_name);
    fs::write(&list, entry.text).with_context(|| list.display().to_string())?;
    let apt_get = |words: &str| {
        let option = |name: &str, path: &Path| format!("{name}={}", path.display());
        Cmd::new("apt-get", folder)
            .words("-q -o Dir::Etc::sourcelist=/dev/null -o")
            .arg(option("Dir::Etc::sourceparts", &apt.join("parts")))
            .arg("-o")
            .arg(option("Dir::State::lists", &apt.join("lists")))
            .arg("-o")
            .arg(option("Dir::Cache", &apt.join("cache")))
            .words(words)
    };
    apt_get("update").run()?;
    apt_get("source --download-only --only-source qemu").run()?;
    let archive = newest(folder, |name| name.starts_with("qemu_") && name.contains(".orig.tar"))?;
    let unpack = Cmd::new("tar", folder).words("-xf").arg(&archive).words("--wildcards");
    WANTED.iter().fold(unpack, Cmd::arg).run()?;
    newest(folder, |name| name.starts_with("qemu-"))
}

/// The one thing of a folder whose name is so.
fn newest(folder: &Path, is_it: impl Fn(&str) -> bool) -> Result<PathBuf> {
    let context = || folder.display().to_string();
    let names = fs::read_dir(folder).with_context(context)?;
    let paths = names.filter_map(|entry| Some(entry.ok()?.path()));
    let is_named =
        |path: &PathBuf| path.file_name().is_some_and(|name| is_it(&name.to_string_lossy()));
    paths.filter(is_named).max().with_context(|| format!("{} has no sources of QEMU", context()))
}

/// Where sources come from.
struct Entry {
    file_name: &'static str,
    text: String,
}

/// The system's own entry for packages, turned into one for sources.
fn source_entry() -> Option<Entry> {
    let release = fs::read_to_string("/etc/os-release").ok()?;
    let release = release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="))?;
    let read = |path: &Path| fs::read_to_string(path).ok();
    let mut files: Vec<PathBuf> = fs::read_dir("/etc/apt/sources.list.d").map_or_else(
        |_| Vec::new(),
        |names| names.filter_map(|entry| Some(entry.ok()?.path())).collect(),
    );
    files.push("/etc/apt/sources.list".into());
    files.sort();
    files.iter().find_map(|file| {
        let text = read(file)?;
        let is_new = file.extension().is_some_and(|extension| extension == "sources");
        let (file_name, text) = match is_new {
            true => ("sources.sources", stanza(&text, release)?),
            false => ("sources.list", line(&text, release)?),
        };
        Some(Entry { file_name, text })
    })
}

/// The first stanza of packages for `release`, for sources.
fn stanza(text: &str, release: &str) -> Option<String> {
    text.split("\n\n").find_map(|stanza| {
        let of = |line: &str, field: &str| Some(line.strip_prefix(field)?.trim().to_owned());
        let value = |field: &str| stanza.lines().find_map(|line| of(line, field));
        let is_main = value("Suites:")?.split_whitespace().any(|suite| suite == release)
            && value("Components:")?.split_whitespace().any(|component| component == "main");
        let types = value("Types:")?;
        let with_sources = stanza.replacen(&format!("Types: {types}"), "Types: deb-src", 1);
        is_main.then_some(with_sources)
    })
}

/// The first line of packages for `release`, for sources.
fn line(text: &str, release: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?;
        let has = |wanted: &str| rest.split_whitespace().any(|word| word == wanted);
        (has(release) && has("main")).then(|| format!("deb-src {rest}\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_packages_becomes_one_of_sources() {
        let stanzas = "Types: deb\nURIs: file:/else\nSuites: other\nComponents: main\n\n\
                       Types: deb\nURIs: file:/here\nSuites: some some-updates\nComponents: main\n";
        let text = stanza(stanzas, "some").expect("the second");
        assert!(text.starts_with("Types: deb-src\nURIs: file:/here\n"), "{text}");
        assert_eq!(stanza(stanzas, "none"), None);
        let lines = "# deb file:/no some main\ndeb [x=y] file:/here some main contrib\n";
        let text = line(lines, "some").expect("the second");
        assert_eq!(text, "deb-src [x=y] file:/here some main contrib\n");
        assert_eq!(line(lines, "none"), None);
    }
}
