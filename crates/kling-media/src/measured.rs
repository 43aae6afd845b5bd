//! Facts with what it took to find them.

use kling_types::MediaFacts;

/// The facts of a media file, and how much was read for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// What is known of the file; what could not be measured is `None`, and a rule over it stays unchecked.
    pub facts: MediaFacts,
    /// How many bytes of it were read: from the disk, over the network, or decoded.
    pub bytes_read: u64,
    /// How many HTTP requests it took, redirects included; none for a local file or a `data:` URI.
    pub requests: u32,
}
