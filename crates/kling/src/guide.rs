#![doc = include_str!("../docs/guide.md")]

#[doc = include_str!("../docs/way_of_a_job.md")]
pub mod way_of_a_job {}

#[doc = include_str!("../docs/limits.md")]
pub mod limits {}

#[doc = include_str!("../docs/checks.md")]
pub mod checks {}

#[doc = include_str!("../docs/waiting.md")]
pub mod waiting {}

#[doc = include_str!("../docs/resuming.md")]
pub mod resuming {}

#[cfg(feature = "testing")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/other_models.md")]
pub mod other_models {}

#[doc = include_str!("../docs/regenerating.md")]
pub mod regenerating {}

#[doc = include_str!("../docs/tracing.md")]
pub mod tracing {}

#[doc = include_str!("../docs/features.md")]
pub mod features {}
