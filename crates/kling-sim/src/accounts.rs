//! Who may call: bearer tokens, each of an account of its own.

use axum::http::HeaderValue;

use crate::refusal::{Code, Refusal};

/// The tokens, by the index of their account.
pub(crate) struct Accounts {
    tokens: Vec<String>,
    any: bool,
}

impl Accounts {
    pub(crate) const fn new(tokens: Vec<String>, any: bool) -> Self {
        Self { tokens, any }
    }

    /// The account behind an `Authorization` header.
    pub(crate) fn sign_in(&mut self, header: Option<&HeaderValue>) -> Result<usize, Refusal> {
        let token = header
            .and_then(|header| header.to_str().ok())
            .and_then(|header| header.strip_prefix("Bearer "))
            .filter(|token| !token.is_empty())
            .ok_or_else(|| refused("the header `Authorization: Bearer <token>` is missing"))?;
        if let Some(account) = self.tokens.iter().position(|known| known == token) {
            return Ok(account);
        }
        if !self.any {
            return Err(refused("the token is unknown, expired or revoked"));
        }
        self.tokens.push(token.to_owned());
        Ok(self.tokens.len() - 1)
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Accounts({})", self.tokens.len())
    }
}

fn refused(message: &str) -> Refusal {
    Refusal::new(Code::UserAccountError, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_in(accounts: &mut Accounts, header: &'static str) -> Option<usize> {
        accounts.sign_in(Some(&HeaderValue::from_static(header))).ok()
    }

    #[test]
    fn only_a_known_bearer_token_signs_in() {
        let mut accounts = Accounts::new(vec!["a".into(), "b".into()], false);
        assert_eq!(sign_in(&mut accounts, "Bearer a"), Some(0));
        assert_eq!(sign_in(&mut accounts, "Bearer b"), Some(1));
        for wrong in ["Bearer c", "Bearer ", "bearer a", "Basic a", "a", "Bearer  a"] {
            assert_eq!(sign_in(&mut accounts, wrong), None, "{wrong}");
        }
        assert!(accounts.sign_in(None).is_err());
    }

    #[test]
    fn any_token_is_an_account_of_its_own() {
        let mut accounts = Accounts::new(vec!["a".into()], true);
        assert_eq!(sign_in(&mut accounts, "Bearer x"), Some(1));
        assert_eq!(sign_in(&mut accounts, "Bearer y"), Some(2));
        assert_eq!(sign_in(&mut accounts, "Bearer x"), Some(1));
        assert_eq!(sign_in(&mut accounts, "Bearer "), None);
    }

    #[test]
    fn no_token_is_ever_shown() {
        let accounts = Accounts::new(vec!["secret".into()], false);
        assert!(!format!("{accounts:?}").contains("secret"));
    }
}
