//! Keys, and a manifest that vouches for what was packed: made, verified, and refused when anything
//! is not as it was signed.

use std::fs;

use crate::desk::{CONFIG, Desk, GNU, esparto, text};

/// A desk with a linked firmware and a key.
fn linked() -> Desk {
    let desk = Desk::new();
    desk.link_overlays().expect("the overlays are right");
    desk.link(GNU, &[], &[]);
    esparto(&["overlay", "keygen", &text(&desk.path("mine"))]).expect("a new key");
    desk
}

fn pack(desk: &Desk, flags: &[&str]) -> Result<String, String> {
    let (elf, config, out) =
        (desk.path("firmware.elf"), desk.path("esparto.toml"), desk.path("data"));
    let (elf, config, out) = (text(&elf), text(&config), text(&out));
    let words = ["overlay", "pack", &elf, "--config", &config, "--out", &out];
    esparto(&words.iter().chain(flags).copied().collect::<Vec<_>>())
}

fn verify(desk: &Desk, key: &str) -> Result<String, String> {
    let (data, flash) = (text(&desk.path("data")), text(&desk.path("firmware.flash.elf")));
    esparto(&["overlay", "verify", &data, "--flash", &flash, "--public-key", key])
}

#[test]
fn what_was_packed_is_signed_and_verified() {
    let desk = linked();
    let (secret, public) = (text(&desk.path("mine.key")), text(&desk.path("mine.pub")));
    let said = pack(&desk, &["--key", &secret]).expect("signed");
    let digits = fs::read_to_string(&public).expect("written").trim().to_owned();
    assert_eq!(digits.len(), 64);
    assert!(said.contains(&format!("signed by {digits}")), "{said}");
    for key in [&public, &digits] {
        let said = verify(&desk, key).expect("as signed");
        assert!(said.contains("2 pairs") && said.contains("as signed"), "{said}");
    }
    let manifest = desk.path("data/manifest");
    let packed = fs::read(&manifest).expect("written");
    assert_eq!(packed.len(), 128 + 40 * 4);
    let shown = esparto(&["overlay", "inspect", &text(&manifest), "--public-key", &public]);
    let shown = shown.expect("signed by it");
    assert!(
        shown.contains("4 files") && shown.contains(&digits) && shown.contains("1 d"),
        "{shown}"
    );
    // Signing by itself gives the same bytes.
    fs::remove_file(&manifest).expect("there");
    let data = text(&desk.path("data"));
    esparto(&["overlay", "sign", &data, "--key", &secret]).expect("signed");
    assert_eq!(fs::read(&manifest).expect("written"), packed);
}

#[test]
fn whatever_is_not_as_signed_is_refused() {
    let desk = linked();
    let (secret, public) = (text(&desk.path("mine.key")), text(&desk.path("mine.pub")));
    pack(&desk, &["--key", &secret]).expect("signed");
    let refused = |part: &str| {
        let error = verify(&desk, &public).expect_err(part);
        assert!(error.contains(part) && error.contains("mend"), "{part} is not in: {error}");
    };
    let manifest = fs::read(desk.path("data/manifest")).expect("signed");
    for at in [0, 9, 20, 50, 70, manifest.len() - 70, manifest.len() - 1] {
        let mut damaged = manifest.clone();
        damaged[at] ^= 1;
        fs::write(desk.path("data/manifest"), &damaged).expect("writable");
        refused("manifest");
    }
    fs::write(desk.path("data/manifest"), &manifest[..100]).expect("writable");
    refused("manifest");
    fs::write(desk.path("data/manifest"), &manifest).expect("writable");
    // A file that is whole and of this build, but another.
    for (from, to) in [("fft_e", "shapes_e"), ("fft_d", "shapes_d")] {
        let old = fs::read(desk.path(&format!("data/{from}"))).expect("packed");
        fs::copy(desk.path(&format!("data/{to}")), desk.path(&format!("data/{from}")))
            .expect("there");
        refused(from);
        fs::write(desk.path(&format!("data/{from}")), old).expect("writable");
    }
    verify(&desk, &public).expect("as it was");
    // Another key's manifest is worth nothing.
    esparto(&["overlay", "keygen", &text(&desk.path("other"))]).expect("a new key");
    let other = text(&desk.path("other.key"));
    esparto(&["overlay", "sign", &text(&desk.path("data")), "--key", &other]).expect("signed");
    refused("key");
    assert!(verify(&desk, &text(&desk.path("other.pub"))).is_ok());
    // Nor is a manifest of other files: packing without a key takes it away.
    desk.write("esparto.toml", &CONFIG.replacen("[[overlay]]", "[[overlay]]\ncompress = true", 1));
    pack(&desk, &[]).expect("right");
    let error = verify(&desk, &public).expect_err("it is gone");
    assert!(error.contains("manifest") && error.contains("cannot read"), "{error}");
}

#[test]
fn keys_are_kept() {
    let desk = linked();
    let name = text(&desk.path("mine"));
    let error = esparto(&["overlay", "keygen", &name]).expect_err("it is there");
    assert!(error.contains("mine.key") && error.contains("already"), "{error}");
    let secret = fs::read_to_string(desk.path("mine.key")).expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(desk.path("mine.key")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    desk.write("bad.key", &secret[..40]);
    let bad = text(&desk.path("bad.key"));
    let error = pack(&desk, &["--key", &bad]).expect_err("no key");
    assert!(error.contains("bad.key") && !error.contains(&secret[..20]), "{error}");
    assert!(!desk.path("data").exists(), "nothing is written");
    let words = ["overlay", "verify", &text(&desk.path("data")), "--public-key", "12ab"];
    let error = esparto(&words).expect_err("neither digits nor a file");
    assert!(error.contains("12ab"), "{error}");
}
