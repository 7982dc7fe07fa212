//! The mark: a section by whose name the linker step finds the function.

use quote::quote;
use syn::spanned::Spanned;
use syn::{Error, GenericParam, ImplItemFn, LitStr, Result};

type Tokens = proc_macro2::TokenStream;

/// The longest name of an overlay.
const MAX_NAME_BYTES: usize = 24;

/// The function with its mark.
///
/// # Errors
/// Anything that would not be in the overlay as a whole.
pub(crate) fn expand(arguments: Tokens, item: Tokens) -> Result<Tokens> {
    let name: LitStr = syn::parse2(arguments)
        .map_err(|error| Error::new(error.span(), "name the overlay: #[overlay(\"fft\")]"))?;
    let text = name.value();
    let is_name = !text.is_empty()
        && text.len() <= MAX_NAME_BYTES
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if !is_name {
        let what = format!(
            "an overlay's name is 1 to {MAX_NAME_BYTES} letters, digits, `_` and `-`, not {text:?}"
        );
        return Err(Error::new(name.span(), what));
    }
    // A method parses like any function; `self` is the only difference.
    let function: ImplItemFn = syn::parse2(item).map_err(|error| {
        Error::new(error.span(), "#[overlay] belongs on a function with a body")
    })?;
    refuse(&function)?;
    let section = format!(".esparto.overlay.{text}");
    Ok(quote! {
        #[cfg_attr(any(target_os = "none", target_os = "espidf"), unsafe(link_section = #section))]
        #[inline(never)]
        #function
    })
}

fn refuse(function: &ImplItemFn) -> Result<()> {
    let signature = &function.sig;
    if let Some(keyword) = &signature.asyncness {
        return Err(Error::new(
            keyword.span(),
            "the body of an async function is in another function: mark one that it calls",
        ));
    }
    if let Some(keyword) = &signature.constness {
        return Err(Error::new(
            keyword.span(),
            "a const function may run in the compiler: mark one that is not const",
        ));
    }
    let generic = signature
        .generics
        .params
        .iter()
        .find(|parameter| !matches!(parameter, GenericParam::Lifetime(_)));
    if let Some(generic) = generic {
        return Err(Error::new(
            generic.span(),
            "a generic function is made in every crate that uses it: mark one that is not generic, or make its crate an overlay",
        ));
    }
    match function.attrs.iter().find(|attribute| attribute.path().is_ident("inline")) {
        None => Ok(()),
        Some(inline) => Err(Error::new(
            inline.span(),
            "what is inlined is not in the overlay: take #[inline] away",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(arguments: &str, item: &str) -> std::result::Result<String, String> {
        let parse = |text: &str| text.parse::<Tokens>().expect("tokens");
        expand(parse(arguments), parse(item))
            .map(|tokens| tokens.to_string())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_function_and_a_method_get_their_section() {
        for item in ["pub fn run(x: u32) -> u32 { x }", "fn of<'a>(&'a self) -> &'a str { \"\" }"] {
            let text = expanded("\"fft\"", item).expect("a function");
            assert!(text.contains("\".esparto.overlay.fft\""), "{text}");
            assert!(text.contains("inline (never)"), "{text}");
            assert!(text.contains(if item.contains("run") { "run" } else { "self" }), "{text}");
        }
    }

    #[test]
    fn what_would_not_be_in_the_overlay_is_refused() {
        for (arguments, item, expected) in [
            ("", "fn f() {}", "name the overlay"),
            ("fft", "fn f() {}", "name the overlay"),
            ("\"\"", "fn f() {}", "letters"),
            ("\"a b\"", "fn f() {}", "letters"),
            ("\"a.b\"", "fn f() {}", "letters"),
            ("\"abcdefghijklmnopqrstuvwxy\"", "fn f() {}", "1 to 24"),
            ("\"fft\"", "struct F;", "function with a body"),
            ("\"fft\"", "fn f();", "function with a body"),
            ("\"fft\"", "async fn f() {}", "async"),
            ("\"fft\"", "const fn f() {}", "const"),
            ("\"fft\"", "fn f<T>(t: T) {}", "generic"),
            ("\"fft\"", "fn f<const N: usize>() {}", "generic"),
            ("\"fft\"", "#[inline] fn f() {}", "inline"),
            ("\"fft\"", "#[inline(always)] fn f() {}", "inline"),
        ] {
            let error = expanded(arguments, item).expect_err(item);
            assert!(error.contains(expected), "{expected} is not in: {error}");
        }
    }
}
