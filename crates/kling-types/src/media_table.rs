//! The macro behind the table of media properties: one line a rule.

/// `MEDIA`, the media properties of a model.
#[doc(hidden)]
#[macro_export]
macro_rules! media {
    ($($name:literal: $kind:ident, plural: $plural:literal, [
        $($metric:ident $(($unknown:literal))? $comparison:ident $value:literal $origin:ident $message:literal;)*
    ])*) => {
        /// The media properties of the input, each with the rules that its files have to keep.
        pub static MEDIA: &[$crate::MediaField] = &[$({
            const RULES: &[$crate::MediaRule] = &[$($crate::MediaRule::new(
                $crate::__metric!($metric $($unknown)?),
                $crate::Comparison::$comparison,
                $value,
                $message,
                $crate::RuleSource::$origin,
            ),)*];
            $crate::MediaField::new($name, $crate::MediaKind::$kind, $plural, RULES)
        },)*];
    };
}

/// A metric by its variant; one that this version does not know has its name beside it.
#[doc(hidden)]
#[macro_export]
macro_rules! __metric {
    ($metric:ident) => {
        $crate::Metric::$metric
    };
    (Unknown $name:literal) => {
        $crate::Metric::Unknown(::std::borrow::Cow::Borrowed($name))
    };
}
