//! What was billed, and what is left on each account.

use std::time::Duration;

/// Microdollars in a dollar, the unit of the balance.
const MICRODOLLARS: f64 = 1_000_000.0;

/// One accepted submission, in the order of acceptance.
///
/// Every accepted POST makes one entry, cancelled later or not: to count them is to count what a client
/// would have paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bill {
    /// The id of the job that was made.
    pub request_id: String,
    /// The id of the model.
    pub model_id: String,
    /// SHA-256 of the body in its canonical form (RFC 8785), in lower-case hexadecimal digits.
    pub body_sha256: String,
    /// When it was accepted, in simulated time since the start.
    pub at: Duration,
    /// What was charged, in millionths of a dollar; 0 where a failed job is free.
    pub microdollars: i64,
    /// Whether the charge was given back, which a cancelled job gets.
    pub refunded: bool,
}

/// The accounts by index, and every bill.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    balances: Vec<i64>,
    bills: Vec<Bill>,
}

impl Ledger {
    /// Opens accounts up to the one with this index, each with `balance` microdollars.
    pub(crate) fn open(&mut self, account: usize, balance: i64) {
        if self.balances.len() <= account {
            self.balances.resize(account + 1, balance);
        }
    }

    /// What is left, in microdollars; may be negative, since a job may cost more than what is left.
    pub(crate) fn balance(&self, account: usize) -> i64 {
        self.balances.get(account).copied().unwrap_or_default()
    }

    /// Charges a job.
    pub(crate) fn charge(&mut self, account: usize, bill: Bill) {
        self.balances[account] -= bill.microdollars;
        self.bills.push(bill);
    }

    /// Gives back what the bill with this index took, once.
    pub(crate) fn refund(&mut self, account: usize, index: usize) {
        let bill = &mut self.bills[index];
        if !std::mem::replace(&mut bill.refunded, true) {
            self.balances[account] += bill.microdollars;
        }
    }

    pub(crate) fn bills(&self) -> &[Bill] {
        &self.bills
    }
}

/// Dollars of an amount in microdollars, as the API prints them.
#[allow(clippy::cast_precision_loss, reason = "no balance has 2^53 microdollars")]
pub(crate) fn dollars(microdollars: i64) -> f64 {
    microdollars as f64 / MICRODOLLARS
}

/// Microdollars of an amount in dollars; what no balance can hold is cut to the nearest that one can.
#[allow(clippy::cast_possible_truncation, reason = "the conversion saturates")]
pub(crate) fn microdollars(dollars: f64) -> i64 {
    (dollars * MICRODOLLARS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill(microdollars: i64) -> Bill {
        let (request_id, model_id, body_sha256) = (String::new(), String::new(), String::new());
        Bill { request_id, model_id, body_sha256, at: Duration::ZERO, microdollars, refunded: false }
    }

    #[test]
    fn a_charge_lowers_its_own_account_and_may_overdraw_it() {
        let mut ledger = Ledger::default();
        ledger.open(1, 100_000);
        ledger.charge(1, bill(250_000));
        assert_eq!((ledger.balance(0), ledger.balance(1)), (100_000, -150_000));
    }

    #[test]
    fn a_refund_is_given_once_and_the_bill_stays() {
        let mut ledger = Ledger::default();
        ledger.open(0, 0);
        ledger.charge(0, bill(250_000));
        ledger.refund(0, 0);
        ledger.refund(0, 0);
        assert_eq!(ledger.balance(0), 0);
        assert_eq!(ledger.bills().len(), 1);
        assert!(ledger.bills()[0].refunded);
    }

    #[test]
    fn amounts_keep_their_value_through_dollars() {
        assert_eq!(microdollars(0.35), 350_000);
        assert_eq!(dollars(350_000), 0.35);
        assert_eq!(microdollars(f64::NAN), 0);
    }
}
