//! The accounts: their tokens, their balances and their bills.

use std::fmt;
use std::time::Duration;

use axum::http::HeaderValue;

use crate::refusal::{Code, Refusal};

/// The microdollars in a dollar.
const MICRODOLLARS: f64 = 1_000_000.0;

/// One accepted submit.
///
/// Every accepted submit has one bill, even if its job is cancelled later. A client pays for as many jobs as there are
/// bills.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bill {
    /// The request id of the job.
    pub request_id: String,
    /// The id of the model.
    pub model_id: String,
    /// SHA-256 of the body in canonical form (RFC 8785), in lower-case hexadecimal digits.
    pub body_sha256: String,
    /// The simulated time of the submit since the start.
    pub at: Duration,
    /// The charge in millionths of a dollar. 0 if the job fails and failed jobs are free.
    pub microdollars: i64,
    /// Whether the charge was refunded, as for a cancelled job.
    pub refunded: bool,
}

/// The accounts by index, and all bills.
pub(crate) struct Billing {
    accounts: Vec<Account>,
    any_token: bool,
    initial_balance: i64,
    bills: Vec<Bill>,
}

struct Account {
    token: String,
    /// In microdollars. May be negative, since a job may cost more than the balance.
    balance: i64,
}

impl Billing {
    /// Opens one account for each token.
    pub(crate) fn new(tokens: &[String], any_token: bool, initial_balance: i64) -> Self {
        let open = |token: &String| Account { token: token.clone(), balance: initial_balance };
        let accounts = tokens.iter().map(open).collect();
        Self { accounts, any_token, initial_balance, bills: Vec::new() }
    }

    /// Returns the account of an `Authorization` header. If any token is accepted, a new token opens an account.
    pub(crate) fn sign_in(&mut self, header: Option<&HeaderValue>) -> Result<usize, Refusal> {
        let refused = |message: &str| Refusal::new(Code::UserAccountError, message);
        let token = header
            .and_then(|header| header.to_str().ok())
            .and_then(|header| header.strip_prefix("Bearer "))
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refused("the header `Authorization: Bearer <token>` is missing"))?;
        if let Some(account) = self.accounts.iter().position(|account| account.token == token) {
            return Ok(account);
        }
        if !self.any_token {
            return Err(refused("the token is unknown, expired or revoked"));
        }
        self.accounts.push(Account { token: token.to_owned(), balance: self.initial_balance });
        Ok(self.accounts.len() - 1)
    }

    /// The balance of an account in microdollars. May be negative.
    pub(crate) fn balance(&self, account: usize) -> i64 {
        self.accounts.get(account).map_or(0, |account| account.balance)
    }

    pub(crate) fn charge(&mut self, account: usize, bill: Bill) {
        self.accounts[account].balance -= bill.microdollars;
        self.bills.push(bill);
    }

    /// Refunds the bill with this index, at most once.
    pub(crate) fn refund(&mut self, account: usize, index: usize) {
        let bill = &mut self.bills[index];
        if !std::mem::replace(&mut bill.refunded, true) {
            self.accounts[account].balance += bill.microdollars;
        }
    }

    pub(crate) fn bills(&self) -> &[Bill] {
        &self.bills
    }
}

impl fmt::Debug for Billing {
    /// Leaves the tokens out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Billing({} accounts, {} bills)", self.accounts.len(), self.bills.len())
    }
}

/// Converts microdollars to dollars.
#[allow(clippy::cast_precision_loss, reason = "no balance has 2^53 microdollars")]
pub(crate) fn dollars(microdollars: i64) -> f64 {
    microdollars as f64 / MICRODOLLARS
}

/// Converts dollars to microdollars, saturating.
#[allow(clippy::cast_possible_truncation, reason = "the conversion saturates")]
pub(crate) fn microdollars(dollars: f64) -> i64 {
    (dollars * MICRODOLLARS).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn billing(tokens: &[&str], any_token: bool, balance: i64) -> Billing {
        let tokens: Vec<String> = tokens.iter().map(|&token| token.into()).collect();
        Billing::new(&tokens, any_token, balance)
    }

    fn sign_in(billing: &mut Billing, header: &'static str) -> Option<usize> {
        billing.sign_in(Some(&HeaderValue::from_static(header))).ok()
    }

    fn bill(microdollars: i64) -> Bill {
        let (request_id, model_id, body_sha256) = (String::new(), String::new(), String::new());
        Bill { request_id, model_id, body_sha256, at: Duration::ZERO, microdollars, refunded: false }
    }

    #[test]
    fn only_a_known_bearer_token_signs_in() {
        let mut billing = billing(&["a", "b"], false, 0);
        assert_eq!(sign_in(&mut billing, "Bearer a"), Some(0));
        assert_eq!(sign_in(&mut billing, "Bearer b"), Some(1));
        for wrong in ["Bearer c", "Bearer ", "bearer a", "Basic a", "a", "Bearer  a"] {
            assert_eq!(sign_in(&mut billing, wrong), None, "{wrong}");
        }
        assert!(billing.sign_in(None).is_err());
    }

    #[test]
    fn any_token_opens_an_account_of_its_own() {
        let mut billing = billing(&["a"], true, 0);
        assert_eq!(sign_in(&mut billing, "Bearer x"), Some(1));
        assert_eq!(sign_in(&mut billing, "Bearer y"), Some(2));
        assert_eq!(sign_in(&mut billing, "Bearer x"), Some(1));
        assert_eq!(sign_in(&mut billing, "Bearer "), None);
    }

    #[test]
    fn debug_output_has_no_token() {
        assert!(!format!("{:?}", billing(&["secret"], false, 0)).contains("secret"));
    }

    #[test]
    fn a_charge_lowers_its_own_account_and_may_overdraw_it() {
        let mut billing = billing(&["a", "b"], false, 100_000);
        billing.charge(1, bill(250_000));
        assert_eq!((billing.balance(0), billing.balance(1)), (100_000, -150_000));
    }

    #[test]
    fn a_refund_is_given_once_and_the_bill_stays() {
        let mut billing = billing(&["a"], false, 0);
        billing.charge(0, bill(250_000));
        billing.refund(0, 0);
        billing.refund(0, 0);
        assert_eq!(billing.balance(0), 0);
        assert_eq!(billing.bills().len(), 1);
        assert!(billing.bills()[0].refunded);
    }

    #[test]
    fn amounts_keep_their_value_through_dollars() {
        assert_eq!(microdollars(0.35), 350_000);
        assert_eq!(dollars(350_000), 0.35);
        assert_eq!(microdollars(f64::NAN), 0);
    }
}
