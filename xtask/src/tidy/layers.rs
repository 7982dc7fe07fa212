//! Who may use whom.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata};
use syn::{File, Item, Meta};

use super::Fault;

/// A crate of the product and the rules it lives under.
#[derive(Clone, Copy, Debug)]
pub struct Layer {
    /// Its name, which is its folder in `crates/` too.
    pub name: &'static str,
    /// The crates of ours that it may use.
    pub may_use: &'static [&'static str],
    /// It holds no unsafe code.
    pub forbids_unsafe: bool,
    /// It runs without the standard library.
    pub is_no_std: bool,
}

/// The whole table. A crate that is not built yet is simply absent from the tree.
pub const LAYERS: [Layer; 10] = [
    Layer { name: "esparto", may_use: &[], forbids_unsafe: false, is_no_std: true },
    Layer { name: "esparto-image", may_use: &[], forbids_unsafe: true, is_no_std: true },
    Layer { name: "esparto-chips", may_use: &["esparto"], forbids_unsafe: true, is_no_std: true },
    Layer { name: "esparto-trace", may_use: &["esparto"], forbids_unsafe: true, is_no_std: true },
    Layer {
        name: "esparto-esp",
        may_use: &["esparto", "esparto-chips"],
        forbids_unsafe: false,
        is_no_std: true,
    },
    Layer {
        name: "esparto-overlay",
        may_use: &["esparto", "esparto-image"],
        forbids_unsafe: false,
        is_no_std: true,
    },
    Layer { name: "esparto-overlay-macros", may_use: &[], forbids_unsafe: true, is_no_std: false },
    Layer {
        name: "esparto-c",
        may_use: &["esparto", "esparto-overlay", "esparto-chips", "esparto-trace"],
        forbids_unsafe: false,
        is_no_std: true,
    },
    Layer {
        name: "esparto-sim",
        may_use: &["esparto-chips", "esparto-trace"],
        forbids_unsafe: false,
        is_no_std: false,
    },
    Layer {
        name: "esparto-cli",
        may_use: &[
            "esparto",
            "esparto-image",
            "esparto-chips",
            "esparto-trace",
            "esparto-overlay",
            "esparto-sim",
        ],
        forbids_unsafe: true,
        is_no_std: false,
    },
];

/// The workspace's tools: not part of the product, outside the table.
const TOOLS: [&str; 3] = ["esparto-bench", "esparto-bench-structures", "xtask"];

/// A package of the workspace, as far as the rules look.
#[derive(Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder, relative to the top.
    pub folder: String,
    /// What it depends on to be built (tests may use more; the product does not see them).
    pub uses: Vec<String>,
    /// The parsed root file of each library and program.
    pub roots: Vec<Root>,
}

/// The root file of a library or program.
#[derive(Clone)]
pub struct Root {
    /// The file, relative to the top.
    pub file: String,
    /// Is it the library's?
    pub is_library: bool,
    /// What stands in it.
    pub syntax: File,
}

/// The packages of the root workspace.
///
/// # Errors
/// Fails when a root file cannot be read or parsed.
pub fn packages(metadata: &Metadata) -> Result<Vec<Package>> {
    let top = metadata.workspace_root.as_std_path();
    metadata.workspace_packages().into_iter().map(|package| read_package(top, package)).collect()
}

fn read_package(top: &Path, package: &cargo_metadata::Package) -> Result<Package> {
    let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
    let uses = package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development);
    let roots = package.targets.iter().filter(|target| target.is_lib() || target.is_bin());
    Ok(Package {
        name: package.name.to_string(),
        folder: relative(top, folder.as_std_path()),
        uses: uses.map(|dependency| dependency.name.clone()).collect(),
        roots: roots
            .map(|target| {
                let path = target.src_path.as_std_path();
                let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
                let syntax = syn::parse_file(&text).with_context(|| path.display().to_string())?;
                Ok(Root { file: relative(top, path), is_library: target.is_lib(), syntax })
            })
            .collect::<Result<_>>()?,
    })
}

fn relative(top: &Path, path: &Path) -> String {
    path.strip_prefix(top).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Holds `packages` to the table.
#[must_use]
pub fn check(packages: &[Package]) -> Vec<Fault> {
    packages.iter().flat_map(check_package).collect()
}

fn check_package(package: &Package) -> Vec<Fault> {
    let name = package.name.as_str();
    if TOOLS.contains(&name) {
        return Vec::new();
    }
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![format!(
            "{}: `{name}` is not in the table of layers; give it a row in xtask/src/tidy/layers.rs",
            package.folder
        )];
    };
    let mut faults = Vec::new();
    if package.folder != format!("crates/{name}") {
        faults.push(format!("{}: `{name}` belongs in crates/{name}", package.folder));
    }
    for used in package.uses.iter().filter(|used| is_ours(used)) {
        if !layer.may_use.contains(&used.as_str()) {
            faults.push(format!(
                "{}/Cargo.toml: `{name}` may not use `{used}`; it may use {:?}",
                package.folder, layer.may_use
            ));
        }
    }
    for root in &package.roots {
        if layer.forbids_unsafe && !has_attribute(&root.syntax, "forbid", "unsafe_code") {
            faults.push(format!("{}: write `#![forbid(unsafe_code)]` at the top", root.file));
        }
        if root.is_library {
            if layer.is_no_std && !says_no_std(&root.syntax) {
                faults.push(format!("{}: write `#![no_std]` at the top", root.file));
            }
            faults.extend(check_front_door(&root.file, &root.syntax));
        }
    }
    faults
}

fn is_ours(name: &str) -> bool {
    name == "esparto" || name.starts_with("esparto-") || TOOLS.contains(&name)
}

/// A front door lists modules and re-exports, and does no work.
#[must_use]
pub fn check_front_door(file: &str, syntax: &File) -> Vec<Fault> {
    let works = |item: &&Item| {
        !matches!(item, Item::Use(_) | Item::ExternCrate(_))
            && !matches!(item, Item::Mod(module) if module.content.is_none())
    };
    let count = syntax.items.iter().filter(works).count();
    if count == 0 {
        return Vec::new();
    }
    vec![format!(
        "{file}: a front door holds docs, modules and re-exports only; move {count} item(s) into rooms"
    )]
}

/// Is `#![name(… word …)]` there?
fn has_attribute(syntax: &File, name: &str, word: &str) -> bool {
    syntax.attrs.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident(name) => {
            list.tokens.clone().into_iter().any(|token| token.to_string() == word)
        }
        _ => false,
    })
}

/// `#![no_std]`, also behind a condition.
fn says_no_std(syntax: &File) -> bool {
    syntax.attrs.iter().any(|attribute| attribute.path().is_ident("no_std"))
        || has_attribute(syntax, "cfg_attr", "no_std")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, uses: &[&str], library: &str) -> Package {
        Package {
            name: name.to_owned(),
            folder: format!("crates/{name}"),
            uses: uses.iter().map(|&used| used.to_owned()).collect(),
            roots: vec![Root {
                file: format!("crates/{name}/src/lib.rs"),
                is_library: true,
                syntax: syn::parse_file(library).expect("the example parses"),
            }],
        }
    }

    const GOOD: &str =
        "//! A story.\n#![no_std]\n#![forbid(unsafe_code)]\nmod room;\npub use room::Thing;";

    fn faults(name: &str, uses: &[&str], library: &str) -> String {
        check(&[package(name, uses, library)]).join("\n")
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert_eq!(faults("esparto", &["bitflags"], GOOD), "");
        assert_eq!(faults("esparto-chips", &["esparto"], GOOD), "");
        assert_eq!(faults("esparto-cli", &["clap", "esparto-sim"], GOOD), "");
    }

    #[test]
    fn a_use_outside_the_table_is_a_fault() {
        assert!(
            faults("esparto", &["esparto-chips"], GOOD).contains("may not use `esparto-chips`")
        );
        assert!(faults("esparto-trace", &["esparto-chips"], GOOD).contains("may not use"));
        assert!(faults("esparto-cli", &["esparto-c"], GOOD).contains("may not use `esparto-c`"));
        assert!(faults("esparto-chips", &["xtask"], GOOD).contains("may not use `xtask`"));
    }

    #[test]
    fn an_unknown_crate_is_a_fault() {
        assert!(faults("esparto-extra", &[], GOOD).contains("not in the table"));
        assert!(faults("esparto-chips", &["esparto-extra"], GOOD).contains("may not use"));
    }

    #[test]
    fn a_crate_in_another_folder_is_a_fault() {
        let mut moved = package("esparto", &[], GOOD);
        moved.folder = "esparto".to_owned();
        assert!(check(&[moved]).join("").contains("belongs in crates/esparto"));
    }

    #[test]
    fn a_missing_forbid_or_no_std_is_a_fault() {
        assert!(faults("esparto-chips", &[], "#![no_std]").contains("forbid(unsafe_code)"));
        assert!(
            faults("esparto-chips", &[], "#![no_std]\n#![deny(unsafe_code)]").contains("forbid")
        );
        assert!(faults("esparto-chips", &[], "#![forbid(unsafe_code)]").contains("no_std"));
        assert_eq!(faults("esparto", &[], "#![cfg_attr(not(test), no_std)]"), "");
        assert_eq!(faults("esparto-cli", &[], "#![forbid(unsafe_code)]"), "");
    }

    #[test]
    fn a_front_door_that_works_is_a_fault() {
        for item in ["pub fn work() {}", "pub struct Room;", "mod room { fn work() {} }"] {
            let door = format!("#![no_std]\n{item}");
            assert!(faults("esparto", &[], &door).contains("front door"), "{item}");
        }
    }
}
