//! Models generated from `fixtures/schemas`: of other makers, and made up to hold one quirk each.

include!(concat!(env!("OUT_DIR"), "/models/mod.rs"));
