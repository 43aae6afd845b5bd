//! Replies of the API as JSON objects, and the errors that they name.

use kling_types::output::urls;
use serde_json::{Map, Value};

use crate::error::ErrorParts;
use crate::lenient_json::{self, Damage};
use crate::{Error, ErrorKind, HttpReply, RequestId, Span, State, sanitize};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// A reply that was read leniently: an object, and its damage.
///
/// Only this reply may name a paid job or its output. Broken JSON is repaired, and whole members of a truncated reply are
/// kept. [`ApiReply::warning`] tells the caller and `tracing`.
#[derive(Debug)]
pub(crate) struct ApiReply {
    pub(crate) object: Object,
    pub(crate) damage: Damage,
    /// The damage as one line.
    pub(crate) warning: Option<Box<str>>,
}

impl ApiReply {
    /// Reads a reply. Returns `None` if it holds no object of the API.
    pub(crate) fn read(reply: &HttpReply) -> Option<Self> {
        let (object, damage) = lenient_json::read(&reply.body)?;
        let warning = warning(reply, &damage);
        if let Some(warning) = &warning {
            Span::current().text("warning", warning);
        }
        Some(Self { object, damage, warning })
    }

    /// Whether all members are known to be there, so that a missing one proves something.
    pub(crate) fn is_whole(&self) -> bool {
        !self.damage.may_lack_members()
    }

    /// Whether the reply names an error.
    pub(crate) fn has_error(&self) -> bool {
        error_code(&self.object).is_some() || !message(&self.object).is_empty()
    }
}

/// Reads a reply to a free call: valid JSON under a status of success, without an `error_code`.
pub(crate) fn strict(reply: &HttpReply) -> Result<Object, Error> {
    let object = match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(object)) => object,
        _ if reply.head.is_success() => return Err(not_json(reply)),
        _ => ApiReply::read(reply).ok_or_else(|| not_json(reply))?.object,
    };
    accepted(reply, object)
}

/// Returns the object if the status is a success and there is no `error_code`.
pub(crate) fn accepted(reply: &HttpReply, object: Object) -> Result<Object, Error> {
    match error_code(&object) {
        None if reply.head.is_success() => Ok(object),
        code => Err(rejection(reply, object, code)),
    }
}

/// Reads a reply about a job, damaged or not.
///
/// An `error_code` beside a final state is the job's own error, not one of the call. A reply about another request is an
/// error.
pub(crate) fn of_job(reply: &HttpReply, asked: &RequestId) -> Result<ApiReply, Error> {
    let read = ApiReply::read(reply).ok_or_else(|| not_json(reply))?;
    let named = request_id(&read.object);
    // In a garbled reply the id of something else may come to the top.
    if read.is_whole() && named.as_ref().is_some_and(|id| id != asked) {
        let error = Error::new(ErrorKind::Protocol, "the reply is about another request");
        return Err(error.with_head(&reply.head));
    }
    let is_over = state(&read.object).is_ok_and(|state| state.is_over());
    let code = error_code(&read.object);
    // A finished job is delivered under any status, since a gateway may have changed the status.
    let has_output = || read.object.get("output").is_some_and(|output| !urls(&[output]).is_empty());
    let is_delivery = is_over && named.is_some() && has_output();
    if (code.is_none() || is_over) && (reply.head.is_success() || is_delivery) {
        return Ok(read);
    }
    Err(rejection(reply, read.object, code))
}

/// Returns the top-level `error_code`, a number or a number in text. 0 means none.
fn error_code(object: &Object) -> Option<i64> {
    match object.get("error_code")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|code| *code != 0)
}

/// Returns the error that an object names. A known code decides its kind, then the digits of the code, then the status.
fn rejection(reply: &HttpReply, mut object: Object, code: Option<i64>) -> Error {
    let status = reply.head.status;
    let of_code = |code| {
        ErrorKind::of_known_code(code).or_else(|| ErrorKind::status_of_code(code).map(ErrorKind::of_status))
    };
    let parts = ErrorParts {
        kind: code.and_then(of_code).unwrap_or_else(|| ErrorKind::of_status(status)),
        message: message(&object),
        code,
        request_id: request_id(&object),
        detail: object.remove("detail").filter(|detail| !detail.is_null()),
        is_api_error: true,
        ..ErrorParts::default()
    };
    Error(parts.into()).with_head(&reply.head)
}

/// Returns the server's message from the first of four members that has one.
pub(crate) fn message(object: &Object) -> String {
    let places = ["error_message", "message", "error", "detail"];
    let values = places.iter().filter_map(|place| object.get(*place)).filter(|value| has_content(value));
    values.map(one_line).find(|text| !text.is_empty()).unwrap_or_default()
}

/// Returns any value as one line: a text, an object's `message`, or else JSON.
pub(crate) fn one_line(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => sanitize::text(text),
        Value::Object(object) if object.get("message").is_some_and(Value::is_string) => {
            one_line(&object["message"])
        }
        other => sanitize::text(&other.to_string()),
    }
}

/// Returns the error of a reply that is not a JSON object: a proxy's page, an empty body, truncated JSON.
pub(crate) fn not_json(reply: &HttpReply) -> Error {
    let status = reply.head.status;
    let kind = if reply.head.is_success() { ErrorKind::Protocol } else { ErrorKind::of_status(status) };
    let body = sanitize::bytes(&reply.body);
    let found = match reply.head.coding() {
        _ if reply.body.is_empty() && reply.head.is_success() => "empty body".to_owned(),
        _ if reply.body.is_empty() => String::new(),
        None => format!("expected JSON, got {body}"),
        Some(coding) => {
            format!("expected JSON, got a compressed ({}) body: {body}", sanitize::text(coding))
        }
    };
    Error::new(kind, found).with_head(&reply.head)
}

/// Whether a value holds anything but null, blank text, 0 and `false`.
pub(crate) fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(elements) => elements.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
    }
}

/// Returns the `request_id`, a text or a whole number.
pub(crate) fn request_id(object: &Object) -> Option<RequestId> {
    match object.get("request_id")? {
        Value::String(text) => lenient_json::id(text),
        Value::Number(number) if number.is_u64() => number.to_string().parse().ok(),
        _ => None,
    }
}

/// Returns the `status`, which every reply about a job must have.
pub(crate) fn state(object: &Object) -> Result<State, Error> {
    let word = object.get("status").and_then(Value::as_str).filter(|word| !word.trim().is_empty());
    word.map(State::from).ok_or_else(|| Error::new(ErrorKind::Protocol, "the reply has no status"))
}

/// Returns a text.
pub(crate) fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// Returns a finite number, also one in text.
pub(crate) fn number(object: &Object, key: &str) -> Option<f64> {
    let value = object.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// Returns the damage of a reply as one line.
fn warning(reply: &HttpReply, damage: &Damage) -> Option<Box<str>> {
    let faults = [
        reply.head.coding().map(|coding| format!("compressed ({coding}), which was not requested")),
        reply.broken_off.as_deref().map(|cause| format!("cut off: {cause}")),
        damage.note.as_ref().map(|note| format!("not valid JSON: {note}")),
    ];
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    (!faults.is_empty()).then(|| sanitize::text(&format!("damaged reply: {}", faults.join("; "))).into())
}

#[cfg(test)]
mod tests {
    use crate::{Error, ErrorKind, HttpHead, HttpReply};

    fn read(status: u16, body: &str) -> Error {
        let reply = HttpReply::new(HttpHead { status, ..HttpHead::default() }, body.to_owned().into());
        super::strict(&reply).unwrap_err()
    }

    #[test]
    fn the_error_code_decides_before_the_status() {
        assert!(read(400, r#"{"error_code":400004,"error_message":"no"}"#).kind() == ErrorKind::Auth);
        assert!(read(400, r#"{"error_code":"400002"}"#).kind() == ErrorKind::InsufficientBalance);
        assert!(read(500, r#"{"error_code":404001}"#).kind() == ErrorKind::NotFound);
        assert!(read(200, r#"{"error_code":403001}"#).kind() == ErrorKind::Permission);
        assert!(read(200, r#"{"error_code":429007}"#).kind() == ErrorKind::RateLimited);
        assert!(read(503, r#"{"error_code":7}"#).kind() == ErrorKind::Server);
    }

    #[test]
    fn the_message_is_read_from_four_members() {
        for body in [
            r#"{"error_message":"cause"}"#,
            r#"{"message":"cause"}"#,
            r#"{"error":"cause"}"#,
            r#"{"error":{"message":"cause"}}"#,
            r#"{"detail":"cause"}"#,
            r#"{"error_message":"","error":null,"detail":"cause"}"#,
            r#"{"error_message":" ","message":{},"error":[""],"detail":"cause"}"#,
        ] {
            assert_eq!(read(422, body).to_string(), "the API rejected the input (HTTP 422): cause");
        }
        assert_eq!(
            read(422, r#"{"detail":[{"loc":["body","image_url"]}]}"#).to_string(),
            r#"the API rejected the input (HTTP 422): [{"loc":["body","image_url"]}]"#
        );
    }

    #[test]
    fn an_html_page_is_not_an_api_error() {
        let error = read(502, "<html>\n<h1>Bad gateway</h1>");
        assert!(error.kind() == ErrorKind::Server && error.is_transient() && !error.is_api_error());
        assert_eq!(
            error.to_string(),
            "server error (HTTP 502): expected JSON, got <html> <h1>Bad gateway</h1>"
        );
        assert!(read(200, "").kind() == ErrorKind::Protocol);
        assert!(read(200, "[1,2").kind() == ErrorKind::Protocol);
    }
}
