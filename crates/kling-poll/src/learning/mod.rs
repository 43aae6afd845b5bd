//! Schedules that learn: how long jobs of a kind run, told from those that were waited for.

mod experience;
mod fit;
mod learned;
mod record;

pub use self::experience::Experience;
pub use self::fit::Fit;
pub use self::learned::{Aim, Learned};
pub use self::record::Record;
