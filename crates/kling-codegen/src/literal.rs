//! Text as a Rust literal that is safe in code, and in the documentation that macros make of it.

/// A string literal. What is not plain ASCII text is escaped where it could be mistaken: control and direction marks as
/// `Debug` does it, and backticks, since macros put the literal between backticks.
pub(crate) fn text_literal(text: &str) -> String {
    format!("{text:?}").replace('`', "\\u{60}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_reads_as_the_text_and_holds_no_mark() {
        let text = "a`b\"\\\n\u{202e}\u{7}/* 字 🎬 */";
        let literal = text_literal(text);
        assert_eq!(syn::parse_str::<syn::LitStr>(&literal).unwrap().value(), text);
        assert!(!literal.contains(['`', '\n', '\u{202e}', '\u{7}']), "{literal}");
    }
}
