//! What the tests that cross crates share; the tests themselves are the files beside this folder.

pub mod documents;
pub mod oracle;
pub mod script_server;
pub mod wire_script;
