//! One thing that goes wrong with one call, at the bytes of the socket or in what they say.

use std::fmt;
use std::time::Duration;

use crate::Reply;

/// What goes wrong with a call.
///
/// Each says whether the call is *processed*: whether it takes effect, so that a submit is billed although its answer never
/// arrives. After a fault of the connection that connection is closed; the others leave it open.
///
/// ```
/// use std::time::Duration;
/// use kling_sim::{Call, Fault, Reply, Sim};
///
/// let sim = Sim::start()?;
/// sim.fault_next(Call::Submit, Fault::DropProcessed); // billed, and the id is lost
/// sim.fault_next(Call::Status, Fault::ResetInBody);
/// sim.fault_next(Call::Status, Fault::Stall(Duration::from_secs(90)));
/// sim.fault_next(Call::Status, Reply::busy(503, Duration::from_secs(2)).into());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// Another answer in place of the true one; not processed, unless [`Reply::after_processing`] says so.
    Answer(Reply),
    /// A text in the answer's object holds half a surrogate pair and a raw line feed, so that it is no valid JSON; processed.
    BrokenText,
    /// The answer's body begins with a byte order mark; processed.
    ByteOrderMark,
    /// Half of the answer's body arrives, then the connection is closed in good order; processed.
    CloseInBody,
    /// The answer's body is compressed by gzip, whatever the request accepts; processed.
    Compressed,
    /// A member of the answer's object is nested deeper than readers of JSON go; processed.
    DeepNesting,
    /// The whole answer arrives in pieces of a sixteenth, with this pause before each; processed.
    Drip(Duration),
    /// The connection is closed without a word once the whole request is read; processed: **a submit is billed**.
    DropProcessed,
    /// The connection is closed without a word once the whole request is read; not processed.
    DropUnprocessed,
    /// The connection is closed once the head of the request is read; its body is not, and it is not processed.
    DropUnread,
    /// Every key of the answer's object stands there twice; processed.
    DuplicateKeys,
    /// So many bytes come, under no stated length and whatever was asked for; not processed.
    Flood(u64),
    /// URLs of outputs lead to this origin, such as `https://elsewhere.example`; processed.
    ForeignOutput(String),
    /// The true answer comes, and from then on the id is unknown, as if lost or expired: 404001; processed.
    ForgetJob,
    /// A page of HTML comes under the true status, as from a CDN in front; processed.
    Html,
    /// The answer's body is no JSON: it ends in a comma and a stray quote; processed.
    InvalidJson,
    /// The whole answer is sent, under a `content-length` of half of it; processed.
    ShortContentLength,
    /// Half of the answer's body arrives, then the connection is reset; processed.
    ResetInBody,
    /// Half of the answer's head arrives, then the connection is reset; processed.
    ResetInHead,
    /// Nothing is said for this long, in real time, then the connection is closed; processed.
    Stall(Duration),
    /// The whole answer's body arrives, under a `content-length` of one byte more, then nothing for this long, then the
    /// connection is closed; processed.
    StallAfterBody(Duration),
    /// Half of the answer's body arrives, then nothing for this long, then the connection is closed; processed.
    StallInBody(Duration),
    /// The first half of the answer's body is all there is, under a `content-length` that fits it; processed.
    Truncated,
    /// Keys that nobody knows stand in the answer's object; processed.
    UnknownFields,
    /// The state is a word that nobody knows; processed.
    UnknownState,
    /// The true answer comes as `text/plain`; processed.
    WrongContentType,
    /// The answer is about another request; processed.
    WrongId,
}

/// How far a call gets before its fault.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reach {
    /// Its head is read.
    Head,
    /// Its body is read too.
    Body,
    /// It takes effect.
    Effect,
}

impl Fault {
    pub(crate) const fn reach(&self) -> Reach {
        match self {
            Self::DropUnread => Reach::Head,
            Self::DropUnprocessed | Self::Flood(_) => Reach::Body,
            Self::Answer(reply) if !reply.processed => Reach::Body,
            _ => Reach::Effect,
        }
    }
}

impl From<Reply> for Fault {
    fn from(reply: Reply) -> Self {
        Self::Answer(reply)
    }
}

impl fmt::Display for Fault {
    /// The kind of fault in a few words, to count by.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(reply) => return write!(f, "answer {}", reply.summary()),
            Self::BrokenText => "broken text",
            Self::ByteOrderMark => "byte order mark",
            Self::CloseInBody => "close in body",
            Self::Compressed => "compressed",
            Self::DeepNesting => "deep nesting",
            Self::Drip(_) => "drip",
            Self::DropProcessed => "drop, processed",
            Self::DropUnprocessed => "drop, not processed",
            Self::DropUnread => "drop, not read",
            Self::DuplicateKeys => "duplicate keys",
            Self::Flood(_) => "flood",
            Self::ForeignOutput(_) => "foreign output",
            Self::ForgetJob => "job forgotten",
            Self::Html => "html",
            Self::InvalidJson => "invalid json",
            Self::ShortContentLength => "short content-length",
            Self::ResetInBody => "reset in body",
            Self::ResetInHead => "reset in head",
            Self::Stall(_) => "stall",
            Self::StallAfterBody(_) => "stall after body",
            Self::StallInBody(_) => "stall in body",
            Self::Truncated => "truncated",
            Self::UnknownFields => "unknown fields",
            Self::UnknownState => "unknown state",
            Self::WrongContentType => "wrong content type",
            Self::WrongId => "wrong id",
        })
    }
}
