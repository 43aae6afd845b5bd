//! The rules by name: JSON Schema's own keywords, and ours where the standard has none.

use std::fmt;

macro_rules! keywords {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// The rule that a [`Violation`](crate::Violation) broke.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Keyword {
            $($(#[$doc])+ $variant,)+
        }

        impl Keyword {
            /// The keyword as a schema spells it, such as `maxLength`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

keywords! {
    /// A property that the schema does not have.
    AdditionalProperties = "additionalProperties",
    /// A value that has none of several forms.
    AnyOf = "anyOf",
    /// A key that stands twice in one object; ours, since the standard cannot see it.
    DuplicateKey = "duplicateKey",
    /// A value outside the listed ones.
    Enum = "enum",
    /// A number that is not below its bound.
    ExclusiveMaximum = "exclusiveMaximum",
    /// A number that is not above its bound.
    ExclusiveMinimum = "exclusiveMinimum",
    /// A property of the schema given through the door for extra ones; ours.
    Extra = "extra",
    /// Bytes that are not JSON; ours.
    Json = "json",
    /// An array that is too long.
    MaxItems = "maxItems",
    /// A string that is too long, counted in Unicode scalar values.
    MaxLength = "maxLength",
    /// A number above its bound.
    Maximum = "maximum",
    /// Text that is neither an `https` URL nor a `data:` URI; ours.
    MediaReference = "mediaReference",
    /// An array that is too short.
    MinItems = "minItems",
    /// A string that is too short, counted in Unicode scalar values.
    MinLength = "minLength",
    /// A number below its bound.
    Minimum = "minimum",
    /// A property that has to be there.
    Required = "required",
    /// A value of another JSON type.
    Type = "type",
    /// A media rule of the provider: the size, shape or weight of a picture.
    Validations = "validations",
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
