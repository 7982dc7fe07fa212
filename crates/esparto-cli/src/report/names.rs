//! Whose a function is, from its demangled name, in the mangling of old and in that of today (v0).

/// The crate that a function belongs to; of one in C, its whole name.
///
/// A method belongs to the crate of its type: `<alloc::vec::Vec<T> as core::clone::Clone>::clone` to
/// `alloc`. Pointers, slices, numbers and parameters are of no crate: there the trait's counts, and
/// what they have without a trait is `core`'s (`<*mut app::Node>::write`).
pub(crate) fn crate_of(function: &str) -> &str {
    let Some((of, by)) = type_and_trait(function) else { return first_part(function) };
    match by {
        Some(by) if !of.contains("::") || of.starts_with("fn(") => first_part(by),
        None if of.starts_with(['*', '&', '[', '(']) || !of.contains("::") => "core",
        _ => first_part(of),
    }
}

/// The type between the angles that a method's name begins with, and its trait.
fn type_and_trait(function: &str) -> Option<(&str, Option<&str>)> {
    let rest = function.strip_prefix('<')?;
    let (mut depth, mut as_at) = (1_usize, None);
    for (at, mark) in rest.char_indices() {
        match mark {
            '<' => depth += 1,
            // That of `->` closes nothing.
            '>' if !rest[..at].ends_with('-') => depth -= 1,
            ' ' if depth == 1 && rest[at..].starts_with(" as ") => as_at = as_at.or(Some(at)),
            _ => {}
        }
        if depth == 0 {
            let inside = &rest[..at];
            return Some(
                as_at
                    .map_or((inside, None), |as_at| (&inside[..as_at], Some(&inside[as_at + 4..]))),
            );
        }
    }
    None
}

/// The first part of a path, behind whatever points to it.
fn first_part(path: &str) -> &str {
    let name = path.trim_start_matches(['<', '&', '*', '[', '(']);
    let name = ["mut ", "const ", "dyn "]
        .iter()
        .fold(name, |name, word| name.strip_prefix(word).unwrap_or(name));
    name.split("::").next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crate_is_found_in_both_manglings() {
        for (function, of) in [
            ("memcpy", "memcpy"),
            ("esparto::memory::Memory<N,S>::allocate", "esparto"),
            ("<esparto::memory::Memory<2, app::Sink>>::allocate", "esparto"),
            ("core::ptr::mut_ptr::<impl *mut T>::write", "core"),
            ("<*mut esparto::heap::Node>::write", "core"),
            ("<[app::Pixel]>::len", "core"),
            ("<u32>::wrapping_add", "core"),
            ("<[<T as app::Shown>::Part]>::len", "core"),
            ("<alloc::vec::Vec<<T as app::Shown>::Part>>::push", "alloc"),
            ("<alloc::vec::Vec<app::Pixel> as core::clone::Clone>::clone", "alloc"),
            ("<app::Image as core::clone::Clone>::clone", "app"),
            ("<[app::Pixel] as app::Shown>::show", "app"),
            ("<T as alloc::vec::spec_from_elem::SpecFromElem>::from_elem", "alloc"),
            ("<&mut A as allocator_api2::alloc::Allocator>::allocate", "allocator_api2"),
            ("<u8 as app::Pixel>::black", "app"),
            ("<fn() -> app::Image as core::ops::FnOnce<()>>::call_once", "core"),
            ("<unclosed", "unclosed"),
            ("", ""),
        ] {
            assert_eq!(crate_of(function), of, "{function}");
        }
    }
}
