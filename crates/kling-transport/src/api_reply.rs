//! Reads an answer of the API: all that can be read of it, and what it means for the call that asked, an object to go on with
//! or an error in any of its forms.

use kling_types::output::urls;
use serde_json::{Map, Value};

use crate::lenient_json::{self, Damage};
use crate::{Error, ErrorKind, HttpReply, RequestId, Span, State, sanitize};

/// A JSON object.
pub(crate) type Object = Map<String, Value>;

/// An answer that was paid for: an object, and what was wrong with it.
///
/// The answer to a paid request may be the only one that names the job or its output. Broken JSON is repaired, members of a
/// torn answer are salvaged, and [`ApiReply::warning`] says so to the caller and to `tracing`.
#[derive(Debug)]
pub(crate) struct ApiReply {
    pub(crate) object: Object,
    damage: Option<Damage>,
    /// What was wrong with the answer, as one line.
    pub(crate) warning: Option<Box<str>>,
}

impl ApiReply {
    /// Reads an answer; nothing if it holds no object of the API.
    pub(crate) fn read(reply: &HttpReply) -> Option<Self> {
        let reading = lenient_json::read(&reply.body)?;
        let warning = warning(reply, reading.damage.as_ref());
        if let Some(warning) = &warning {
            Span::current().text("warning", warning);
        }
        Some(Self { object: reading.object, damage: reading.damage, warning })
    }

    /// Whether the answer is known to hold all its members, so that a missing one proves something.
    pub(crate) fn is_whole(&self) -> bool {
        self.damage.as_ref().is_none_or(|damage| !damage.may_lack_members())
    }

    /// Whether the answer ends too early.
    pub(crate) fn is_cut(&self) -> bool {
        self.damage.as_ref().is_some_and(|damage| damage.is_cut)
    }

    /// The `status`, if there is one.
    pub(crate) fn state(&self) -> Option<State> {
        state(&self.object).ok()
    }

    /// Whether the output names a file.
    pub(crate) fn has_output_url(&self) -> bool {
        self.object.get("output").is_some_and(|output| !urls(&[output]).is_empty())
    }

    /// Whether the answer names an error.
    pub(crate) fn complains(&self) -> bool {
        code(&self.object).is_some() || !message(&self.object).is_empty()
    }

    /// Whether the answer is a part of another text, such as a page.
    pub(crate) fn is_embedded(&self) -> bool {
        self.damage.as_ref().is_some_and(|damage| damage.is_embedded)
    }
}

/// Opens an answer that costs nothing to ask for again: valid JSON under a status of success, without an `error_code`.
pub(crate) fn open(reply: &HttpReply) -> Result<Object, Error> {
    let object = match serde_json::from_slice(&reply.body) {
        Ok(Value::Object(object)) => object,
        _ if reply.head.is_success() => return Err(wordless(reply)),
        _ => ApiReply::read(reply).ok_or_else(|| wordless(reply))?.object,
    };
    accepted(reply, object)
}

/// The object itself, under a status of success and without an `error_code`.
pub(crate) fn accepted(reply: &HttpReply, object: Object) -> Result<Object, Error> {
    match code(&object) {
        None if reply.head.is_success() => Ok(object),
        code => Err(refusal(reply, object, code)),
    }
}

/// Opens an answer about a job, in whatever state it came.
///
/// An `error_code` beside the word of a job that is over is that job's own failure, not one of the call. An answer about
/// another request is none.
pub(crate) fn of_job(reply: &HttpReply, asked: &RequestId) -> Result<ApiReply, Error> {
    let answer = ApiReply::read(reply).ok_or_else(|| wordless(reply))?;
    let named = request_id(&answer.object);
    // In a garbled answer the id of something else may come to the top.
    if answer.is_whole() && named.as_ref().is_some_and(|id| id != asked) {
        return Err(
            Error::new(ErrorKind::Protocol, "it is about another request").with_status(reply.head.status)
        );
    }
    let is_over = answer.state().is_some_and(|state| state.is_over());
    let code = code(&answer.object);
    // A finished job is delivered whatever status a gateway puts on it.
    let is_delivery = is_over && named.is_some() && answer.has_output_url();
    if (code.is_none() || is_over) && (reply.head.is_success() || is_delivery) {
        return Ok(answer);
    }
    Err(refusal(reply, answer.object, code))
}

/// The top-level `error_code`, as a number or as a number in text; 0 says that there is none.
fn code(object: &Object) -> Option<i64> {
    match object.get("error_code")? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|code| *code != 0)
}

/// The error of an object that says no: by its code, else by what the code's digits look like, else by the status.
fn refusal(reply: &HttpReply, mut object: Object, code: Option<i64>) -> Error {
    let status = reply.head.status;
    let kind = code
        .and_then(|code| {
            ErrorKind::of_known_code(code)
                .or_else(|| ErrorKind::status_of_code(code).map(ErrorKind::of_status))
        })
        .unwrap_or_else(|| ErrorKind::of_status(status));
    let id = request_id(&object);
    Error::new(kind, message(&object))
        .with_status(status)
        .with_code(code)
        .with_detail(object.remove("detail").filter(|detail| !detail.is_null()))
        .with_retry_after(reply.head.retry_after)
        .with_request_id(id)
        .spoken()
}

/// The server's words, in whichever of four places they stand; an object or array is shown as JSON.
pub(crate) fn message(object: &Object) -> String {
    let places = ["error_message", "message", "error", "detail"];
    let found =
        places.iter().filter_map(|place| object.get(*place)).filter(|value| has_content(value)).map(words);
    found.into_iter().find(|text| !text.is_empty()).unwrap_or_default()
}

/// Any value as one line.
pub(crate) fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => sanitize::text(text),
        Value::Object(object) if object.get("message").is_some_and(Value::is_string) => {
            words(&object["message"])
        }
        other => sanitize::text(&other.to_string()),
    }
}

/// The error of an answer that is no JSON object: a proxy's page, an empty body, torn JSON.
pub(crate) fn wordless(reply: &HttpReply) -> Error {
    let status = reply.head.status;
    let kind = if reply.head.is_success() { ErrorKind::Protocol } else { ErrorKind::of_status(status) };
    let coding = reply.head.content_encoding.as_deref().filter(|coding| *coding != "identity");
    let found = match (reply.body.is_empty(), reply.head.is_success()) {
        (false, _) => {
            let body = sanitize::bytes(&reply.body);
            match coding {
                Some(coding) => {
                    format!("no JSON object but, compressed ({}) unasked, {body}", sanitize::text(coding))
                }
                None => format!("no JSON object but {body}"),
            }
        }
        (true, true) => "an empty body".to_owned(),
        (true, false) => String::new(),
    };
    Error::new(kind, found).with_status(status).with_retry_after(reply.head.retry_after)
}

/// Whether a value says anything: no null, no blank text, no number 0, no `false`, and no collection of such.
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

/// The `request_id`: a text, blanks around it aside, or a whole number.
pub(crate) fn request_id(object: &Object) -> Option<RequestId> {
    match object.get("request_id")? {
        Value::String(text) => lenient_json::id(text),
        Value::Number(number) if number.is_u64() => number.to_string().parse().ok(),
        _ => None,
    }
}

/// The `status`, without which an answer says nothing of a job.
pub(crate) fn state(object: &Object) -> Result<State, Error> {
    let word = object.get("status").and_then(Value::as_str).filter(|word| !word.trim().is_empty());
    word.map(State::from).ok_or_else(|| Error::new(ErrorKind::Protocol, "no status stands in it"))
}

/// A text.
pub(crate) fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A finite number, or one in text.
pub(crate) fn number(object: &Object, key: &str) -> Option<f64> {
    let value = object.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// A number that counts, or one in text.
pub(crate) fn whole_number(object: &Object, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// What was wrong with an answer, in one line.
fn warning(reply: &HttpReply, damage: Option<&Damage>) -> Option<Box<str>> {
    let coding = reply.head.content_encoding.as_deref().map(str::trim);
    let coding = coding.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
    let faults = [
        coding.map(|coding| format!("it was compressed ({coding}), which was not asked for")),
        reply.broken_off.as_deref().map(|cause| format!("it broke off: {cause}")),
        damage.map(|damage| format!("it is no valid JSON: {}", damage.note)),
    ];
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    (!faults.is_empty())
        .then(|| sanitize::text(&format!("the answer is broken: {}", faults.join("; "))).into())
}

#[cfg(test)]
mod tests {
    use crate::{Error, ErrorKind, HttpHead, HttpReply};

    fn read(status: u16, body: &str) -> Error {
        let reply = HttpReply::new(HttpHead { status, ..HttpHead::default() }, body.to_owned().into());
        super::open(&reply).unwrap_err()
    }

    #[test]
    fn the_code_decides_before_the_status() {
        assert!(read(400, r#"{"error_code":400004,"error_message":"no"}"#).kind() == ErrorKind::Auth);
        assert!(read(400, r#"{"error_code":"400002"}"#).kind() == ErrorKind::InsufficientBalance);
        assert!(read(500, r#"{"error_code":404001}"#).kind() == ErrorKind::NotFound);
        assert!(read(200, r#"{"error_code":403001}"#).kind() == ErrorKind::Permission);
        assert!(read(200, r#"{"error_code":429007}"#).kind() == ErrorKind::RateLimited);
        assert!(read(503, r#"{"error_code":7}"#).kind() == ErrorKind::Server);
    }

    #[test]
    fn the_message_is_found_in_any_of_its_four_places() {
        for body in [
            r#"{"error_message":"cause"}"#,
            r#"{"message":"cause"}"#,
            r#"{"error":"cause"}"#,
            r#"{"error":{"message":"cause"}}"#,
            r#"{"detail":"cause"}"#,
            r#"{"error_message":"","error":null,"detail":"cause"}"#,
            r#"{"error_message":" ","message":{},"error":[""],"detail":"cause"}"#,
        ] {
            assert_eq!(read(422, body).to_string(), "the request was refused (HTTP 422): cause");
        }
        assert_eq!(
            read(422, r#"{"detail":[{"loc":["body","image_url"]}]}"#).to_string(),
            r#"the request was refused (HTTP 422): [{"loc":["body","image_url"]}]"#
        );
    }

    #[test]
    fn a_page_of_html_is_told_from_the_api() {
        let error = read(502, "<html>\n<h1>Bad gateway</h1>");
        assert!(error.kind() == ErrorKind::Server && error.is_transient() && !error.is_api_error());
        assert_eq!(
            error.to_string(),
            "the service failed (HTTP 502): no JSON object but <html> <h1>Bad gateway</h1>"
        );
        assert!(read(200, "").kind() == ErrorKind::Protocol);
        assert!(read(200, "[1,2").kind() == ErrorKind::Protocol);
    }
}
