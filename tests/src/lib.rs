//! Helpers of the tests that cross crates. The tests are the files beside this folder.

pub mod agreement;
pub mod canonical;
pub mod chaos;
pub mod documents;
#[rustfmt::skip]
pub mod fixtures;
/// A model whose schemas never change, for tests of bounds.
#[path = "../../crates/kling-types/src/fixtures/made_up_frozen/mod.rs"]
#[rustfmt::skip]
pub mod frozen;
pub mod log;
pub mod oracle;
pub mod pictures;
pub mod race;
pub mod script_server;
pub mod spelling;
pub mod standard;
pub mod virtual_time;
pub mod wire_script;
