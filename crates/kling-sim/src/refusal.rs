//! Errors of the API: their codes, HTTP statuses and bodies.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kling_types::{Violation, Violations};
use serde_json::{Value, json};

use crate::settings::{ApiVariant, ErrorStatus, MismatchBody};

/// The `error_code` of a refused call. Codes that end in 000 are made up, since the provider documents none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    InvalidResourceIdentifier = 400_001,
    InsufficientResources = 400_002,
    UserAccountError = 400_004,
    NotReady = 400_005,
    PermissionDenied = 403_001,
    NoSuchPath = 404_000,
    ResourceNotFound = 404_001,
    MethodNotAllowed = 405_000,
    TooLarge = 413_000,
    UnsupportedMediaType = 415_000,
    Mismatch = 422_000,
    TooManyJobs = 429_000,
    Internal = 500_000,
}

/// The error of a refused call, with the violations of an input.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: Code,
    message: String,
    violations: Violations,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), violations: Violations::new() }
    }

    /// An input that violates its schema. The message names every pointer and value.
    pub(crate) fn mismatch(violations: Violations) -> Self {
        let message = format!("the input does not match the schema: {violations}");
        Self { code: Code::Mismatch, message, violations }
    }

    pub(crate) fn into_response(self, api: &ApiVariant) -> Response {
        let status = self.code.status(api.error_status);
        (status, Json(self.body(api.mismatch_body))).into_response()
    }

    fn body(&self, form: MismatchBody) -> Value {
        if self.violations.is_empty() {
            return json!({"error_code": self.code as u32, "error_message": self.message});
        }
        match form {
            MismatchBody::Envelope => json!({
                "error_code": self.code as u32,
                "error_message": self.message,
                "detail": self.violations,
            }),
            MismatchBody::Framework => {
                json!({"detail": self.violations.iter().map(in_framework_form).collect::<Vec<_>>()})
            }
        }
    }
}

impl Code {
    fn status(self, rule: ErrorStatus) -> StatusCode {
        let leading = (self as u32 / 1000) as u16;
        let status = match (rule, self) {
            (ErrorStatus::AlwaysOk, _) => 200,
            (ErrorStatus::Conventional, Self::UserAccountError) => 401,
            (ErrorStatus::Conventional, Self::InsufficientResources) => 402,
            (ErrorStatus::Conventional, Self::InvalidResourceIdentifier) => 404,
            (ErrorStatus::Conventional, Self::NotReady) => 409,
            _ => leading,
        };
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

fn in_framework_form(violation: &Violation) -> Value {
    let steps = violation.pointer().split('/').skip(1).map(|step| {
        step.parse::<u64>().map_or_else(|_| json!(step.replace("~1", "/").replace("~0", "~")), Value::from)
    });
    let place: Vec<Value> = std::iter::once(json!("body")).chain(steps).collect();
    let text = format!("got {}; expected {}", violation.found(), violation.allowed());
    json!({"loc": place, "msg": text, "type": violation.keyword().as_str()})
}

#[cfg(test)]
mod tests {
    use kling_types::Keyword;

    use super::*;

    fn mismatch() -> Refusal {
        let duration = Violation::new("/duration", Keyword::Enum, "7", "5 or 10");
        let image = Violation::new("/images/0", Keyword::Type, "3", "a string");
        Refusal::mismatch([duration, image].into_iter().collect())
    }

    #[test]
    fn an_error_code_has_one_of_three_statuses() {
        let status = |rule| Code::UserAccountError.status(rule).as_u16();
        assert_eq!(status(ErrorStatus::LeadingDigits), 400);
        assert_eq!(status(ErrorStatus::Conventional), 401);
        assert_eq!(status(ErrorStatus::AlwaysOk), 200);
        assert_eq!(Code::PermissionDenied.status(ErrorStatus::LeadingDigits), 403);
    }

    #[test]
    fn a_mismatch_names_every_pointer() {
        let body = mismatch().body(MismatchBody::Envelope);
        let message = body["error_message"].as_str().unwrap();
        assert!(message.contains("/duration") && message.contains("/images/0"), "{message}");
        assert_eq!(body["error_code"], 422_000);
        assert_eq!(body["detail"][0]["pointer"], "/duration");
        assert_eq!(body["detail"][0]["keyword"], "enum");
    }

    #[test]
    fn a_mismatch_may_have_the_form_of_a_framework() {
        let body = mismatch().body(MismatchBody::Framework);
        assert_eq!(body["detail"][1]["loc"], json!(["body", "images", 0]));
        assert_eq!(body.get("error_code"), None);
    }
}
