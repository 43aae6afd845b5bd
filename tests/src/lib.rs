//! What the tests that cross crates share; the tests themselves are the files beside this folder.

pub mod agreement;
pub mod canonical;
pub mod chaos;
pub mod documents;
#[rustfmt::skip]
pub mod fixtures;
pub mod log;
pub mod oracle;
pub mod pictures;
pub mod race;
pub mod script_server;
pub mod spelling;
pub mod standard;
pub mod virtual_time;
pub mod wire_script;
