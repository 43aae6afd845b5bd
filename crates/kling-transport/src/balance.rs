//! The account's balance.

use serde::{Deserialize, Serialize};

use crate::envelope::Object;
use crate::error_kind::Kind;
use crate::{Error, fields};

/// The account's balance; it may be zero or negative.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// In USD.
    #[serde(rename = "balance_usd")]
    pub usd: f64,
    /// In millionths of a dollar, exact, where it was sent.
    #[serde(default, rename = "balance_microdollars", skip_serializing_if = "Option::is_none")]
    pub microdollars: Option<i64>,
    /// The currency's code, where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Balance {
    pub(crate) fn read(object: &Object) -> Result<Self, Error> {
        let microdollars = fields::number(object, "balance_microdollars").map(|exact| exact as i64);
        let usd = fields::number(object, "balance_usd").or_else(|| Some(microdollars? as f64 / 1e6));
        let usd = usd.ok_or_else(|| Error::new(Kind::Protocol, "no balance_usd stands in it"))?;
        Ok(Self { usd, microdollars, currency: fields::text(object, "currency") })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_balance_may_be_negative_and_may_come_in_microdollars_alone() {
        let balance = Balance::read(&object(json!({"balance_microdollars": -1_500_000}))).unwrap();
        assert_eq!((balance.usd, balance.microdollars), (-1.5, Some(-1_500_000)));
        assert!(Balance::read(&object(json!({"currency": "USD"}))).unwrap_err().is_protocol());
    }
}
