//! The place of a job in a fleet.

slotmap::new_key_type! {
    /// A job's place in a fleet: given out when the job is added, and never again.
    ///
    /// A ticket of a job that is over or was detached, or of another fleet, is harmless: nothing is found by it.
    pub struct Ticket;
}
