//! Arguments in files, written so that every linker and compiler reads the same.
//!
//! GNU's tools, and LLVM's elsewhere than on Windows, take what follows a backslash as it is, between
//! quotes too. LLVM's linker on Windows keeps backslashes. So a path of Windows is written with `/`,
//! which nobody takes for anything else, and Windows takes for `\`.

/// Whose paths are written: the machine's that this runs on.
pub(crate) const IS_WINDOWS: bool = cfg!(windows);

/// A path or a flag of a linker, as a line of a response file.
pub(crate) fn line(arg: &str, is_windows: bool) -> String {
    if is_windows {
        // The long form of a path is the only one that wants its backslashes.
        let plain = arg.strip_prefix(r"\\?\").filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
        quoted(&plain.unwrap_or(arg).replace('\\', "/"))
    } else {
        quoted(arg)
    }
}

/// An argument of a compiler, as a line of a response file: by GNU's rules, which LLVM's compilers
/// keep on every machine.
pub(crate) fn quoted(arg: &str) -> String {
    format!("\"{}\"\n", arg.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The words of a response file: blanks part them, quotes join them, a backslash keeps what follows.
pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            '"' | '\'' if quote == Some(char) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(char);
                word.get_or_insert_default();
            }
            _ if char.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Command;

    use esparto_image::Isa;

    use super::*;
    use crate::overlay::tools::Linker;

    #[test]
    fn response_files_are_read_as_linkers_do() {
        assert_eq!(words("a  b\n\"c d\" 'e f' g\\ h \"\""), ["a", "b", "c d", "e f", "g h", ""]);
        assert!(words(" \n").is_empty());
    }

    #[test]
    fn what_is_written_is_read_again() {
        for arg in ["", "a b", "it's", "\"", "\\", "\\\"", "a\\b c\"d'e", "-Wl,--defsym=x=\"1\""] {
            assert_eq!(words(&quoted(arg)), [arg], "{arg:?}");
            assert_eq!(words(&line(arg, false)), [arg], "{arg:?}");
        }
    }

    /// Each linker is given files that are not there, and says by which name it looked for them.
    #[test]
    fn paths_of_windows_are_read_alike_by_every_linker() {
        let cases = [
            (r"C:\Users\me\build\fft.o", "C:/Users/me/build/fft.o"),
            (r"C:\My Files\it's, mine\fft.o", "C:/My Files/it's, mine/fft.o"),
            (r"\\server\share\new table\fft.o", "//server/share/new table/fft.o"),
            (r"\\?\D:\long\fft.o", "D:/long/fft.o"),
            (r"build\overlays\fft.o", "build/overlays/fft.o"),
        ];
        let folder = tempfile::tempdir().expect("a folder for a while");
        let file = folder.path().join("link.args");
        let (lld, gnu) = ("rust-lld", "riscv64-unknown-elf-ld");
        for (path, expected) in cases {
            let text = line(path, true);
            assert_eq!(text, format!("\"{expected}\"\n"));
            fs::write(&file, &text).expect("writable");
            for (name, flags) in
                [(gnu, &[][..]), (lld, &["--rsp-quoting=windows"]), (lld, &["--rsp-quoting=posix"])]
            {
                let linker = Linker::find(Some(name), Isa::Rv32imc).expect("installed");
                let mut command: Command = linker.command();
                command.args(flags).arg(format!("@{}", file.display()));
                let output = command.output().expect("it runs");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(
                    !output.status.success() && said.contains(expected),
                    "{name} {flags:?}: {said}"
                );
            }
        }
    }

    /// Names that only other machines allow.
    #[test]
    fn backslashes_and_quotes_in_names_are_read_by_every_linker() {
        let folder = tempfile::tempdir().expect("a folder for a while");
        let file = folder.path().join("link.args");
        for name in ["a\\b.o", "say \"no\".o", "it's.o", "a, b.o"] {
            fs::write(&file, line(name, false)).expect("writable");
            for linker in ["riscv64-unknown-elf-ld", "rust-lld"] {
                let mut command =
                    Linker::find(Some(linker), Isa::Rv32imc).expect("there").command();
                let output = command.arg(format!("@{}", file.display())).output().expect("it runs");
                let said = String::from_utf8_lossy(&output.stderr);
                assert!(said.contains(name), "{linker}: {said}");
            }
        }
    }
}
