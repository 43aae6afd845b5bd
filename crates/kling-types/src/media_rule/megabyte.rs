//! Which megabyte a rule on file size means.

/// Bytes in a megabyte, as the provider's own client counts them. The server's reading is not published.
pub const BYTES_PER_MEGABYTE: u64 = 1_000_000;

/// Which megabyte `file_size_mb` means. The provider does not publish it, so a file between the two is refused unless the
/// caller says that it should pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Megabyte {
    /// 1,048,576 bytes: the reading that lets most through.
    Binary,
    /// 1,000,000 bytes, as the provider's own client counts.
    #[default]
    Decimal,
}

impl Megabyte {
    /// How many bytes it has.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Binary => 1 << 20,
            Self::Decimal => BYTES_PER_MEGABYTE,
        }
    }
}
