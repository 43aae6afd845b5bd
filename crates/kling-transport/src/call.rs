//! The free calls: their requests, and how their replies are read.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Balance, CancelReply, Error, ErrorKind, HttpReply, HttpRequest, ModelId, RequestId, ResultReply,
    Settings, StatusReply, Token, TransportError, api_reply, redact,
};

/// A free call, so that clients may retry it. Only this module implements it.
pub trait Call: sealed::Free + Send + Sync {
    /// The name in spans.
    const NAME: &'static str;

    /// The value of the reply.
    type Reply: Send;

    /// Returns the request to send.
    fn request(&self, settings: &Settings) -> HttpRequest;

    /// Reads the reply.
    fn read(&self, reply: &HttpReply) -> Result<Self::Reply, Error>;

    /// Returns the request id that the call is about, for errors.
    fn request_id(&self) -> Option<&RequestId> {
        None
    }
}

/// Seals [`Call`](super::Call).
pub(crate) mod sealed {
    /// A call of this module.
    pub trait Free {}

    impl Free for super::GetStatus<'_> {}
    impl Free for super::GetResult<'_> {}
    impl Free for super::PostCancel<'_> {}
    impl Free for super::GetBalance {}
    impl Free for super::GetModel<'_> {}
}

/// Gets the status of a job: `GET /requests/{id}/status`.
#[derive(Clone, Copy, Debug)]
pub struct GetStatus<'a>(pub &'a RequestId);

impl Call for GetStatus<'_> {
    const NAME: &'static str = "status";
    type Reply = StatusReply;

    fn request(&self, settings: &Settings) -> HttpRequest {
        let url = settings.base.join(&["requests", self.0.as_str(), "status"]);
        HttpRequest::get(url, Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<StatusReply, Error> {
        match StatusReply::read_plain(reply, self.0) {
            Some(plain) => Ok(plain),
            None => StatusReply::read(api_reply::of_job(reply, self.0)?, reply.head.retry_after),
        }
    }

    fn request_id(&self) -> Option<&RequestId> {
        Some(self.0)
    }
}

/// Gets the result of a job with its cost: `GET /requests/{id}/result?include_cost=true`.
#[derive(Clone, Copy, Debug)]
pub struct GetResult<'a>(pub &'a RequestId);

impl Call for GetResult<'_> {
    const NAME: &'static str = "result";
    type Reply = ResultReply;

    fn request(&self, settings: &Settings) -> HttpRequest {
        let mut url = settings.base.join(&["requests", self.0.as_str(), "result"]);
        url.set_query(Some("include_cost=true"));
        HttpRequest::get(url, Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<ResultReply, Error> {
        ResultReply::read(self.0, api_reply::of_job(reply, self.0)?)
    }

    fn request_id(&self) -> Option<&RequestId> {
        Some(self.0)
    }
}

/// Cancels a job: `POST /requests/{id}/cancel`, without a body.
#[derive(Clone, Copy, Debug)]
pub struct PostCancel<'a>(pub &'a RequestId);

impl Call for PostCancel<'_> {
    const NAME: &'static str = "cancel";
    type Reply = CancelReply;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::post(settings.base.join(&["requests", self.0.as_str(), "cancel"]), &settings.token)
    }

    fn read(&self, reply: &HttpReply) -> Result<CancelReply, Error> {
        CancelReply::read(&api_reply::of_job(reply, self.0)?)
    }

    fn request_id(&self) -> Option<&RequestId> {
        Some(self.0)
    }
}

/// Gets the account's balance from the URL that [`ApiBase`](crate::ApiBase) documents.
#[derive(Clone, Copy, Debug)]
pub struct GetBalance;

impl Call for GetBalance {
    const NAME: &'static str = "balance";
    type Reply = Balance;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::get(settings.base.balance.clone(), Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Balance, Error> {
        Balance::read(&api_reply::strict(reply)?)
    }
}

/// Gets a model with its input schema, as the API sends it: `GET /models/{model_id}`.
#[derive(Clone, Copy, Debug)]
pub struct GetModel<'a>(pub &'a ModelId);

impl Call for GetModel<'_> {
    const NAME: &'static str = "model";
    type Reply = Value;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::get(settings.base.join(&["models", &self.0.encoded()]), Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Value, Error> {
        api_reply::strict(reply).map(Value::Object)
    }
}

/// Lists models, as the API sends them: `GET /models` → `{"models", "total", "limit", "offset"}`. Fields that are
/// `None` are not sent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListModels {
    /// The words to search for.
    pub search: Option<String>,
    /// One of `GET /models/categories`.
    pub category: Option<String>,
    /// The kind of output.
    pub kind: Option<String>,
    /// Whether each entry carries its input schema.
    pub include_schema: Option<bool>,
    /// The number of entries, 1 to 500.
    pub limit: Option<u32>,
    /// The number of entries to skip.
    pub offset: Option<u32>,
}

impl sealed::Free for ListModels {}

impl Call for ListModels {
    const NAME: &'static str = "models";
    type Reply = Value;

    fn request(&self, settings: &Settings) -> HttpRequest {
        let mut url = settings.base.join(&["models"]);
        let parameters = [
            ("search", self.search.clone()),
            ("category", self.category.clone()),
            ("kind", self.kind.clone()),
            ("include_schema", self.include_schema.map(|flag| flag.to_string())),
            ("limit", self.limit.map(|number| number.to_string())),
            ("offset", self.offset.map(|number| number.to_string())),
        ];
        for (name, value) in parameters {
            if let Some(value) = value {
                url.query_pairs_mut().append_pair(name, &value);
            }
        }
        HttpRequest::get(url, Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Value, Error> {
        api_reply::strict(reply).map(Value::Object)
    }
}

/// Reads the outcome of one attempt. Errors carry the request id, and never the token.
pub(crate) fn read<C: Call>(
    call: &C,
    token: Option<&Token>,
    outcome: Result<HttpReply, TransportError>,
) -> Result<C::Reply, Error> {
    let read = match redact::outcome(outcome, token) {
        Ok(reply) => call.read(&reply),
        // The beginning of a reply may hold all that is needed.
        Err(error) => match error.reply.as_deref().map(|reply| call.read(reply)) {
            Some(Ok(reply)) => Ok(reply),
            // An error in the reply says more than the transport error.
            Some(Err(inner)) if inner.is_api_error() || inner.kind() == ErrorKind::RateLimited => Err(inner),
            _ => Err(error.into()),
        },
    };
    read.map_err(|error| error.with_request_id(call.request_id().cloned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpHead;

    fn settings() -> Settings {
        Settings::new(Token::new("t").unwrap())
    }

    #[test]
    fn each_call_has_its_method_and_url() {
        let id: RequestId = "id-1".parse().unwrap();
        let model: ModelId = "maker/Model 2/x".parse().unwrap();
        let query = ListModels { search: Some("a&b".into()), limit: Some(5), ..ListModels::default() };
        let cases = [
            (
                GetStatus(&id).request(&settings()),
                "GET https://model-api.runcomfy.net/v1/requests/id-1/status",
            ),
            (
                GetResult(&id).request(&settings()),
                "GET https://model-api.runcomfy.net/v1/requests/id-1/result?include_cost=true",
            ),
            (
                PostCancel(&id).request(&settings()),
                "POST https://model-api.runcomfy.net/v1/requests/id-1/cancel",
            ),
            (GetBalance.request(&settings()), "GET https://api.runcomfy.net/prod/v2/balance"),
            (
                GetModel(&model).request(&settings()),
                "GET https://model-api.runcomfy.net/v1/models/maker/Model%202/x",
            ),
            (query.request(&settings()), "GET https://model-api.runcomfy.net/v1/models?search=a%26b&limit=5"),
            (ListModels::default().request(&settings()), "GET https://model-api.runcomfy.net/v1/models"),
        ];
        for (request, expected) in cases {
            assert_eq!(format!("{} {}", request.method().as_str(), request.url()), expected);
            assert!(!request.is_paid() && request.body().is_none());
        }
    }

    #[test]
    fn a_reply_about_another_request_is_an_error() {
        let id: RequestId = "mine".parse().unwrap();
        let head = HttpHead { status: 200, ..HttpHead::default() };
        let reply = HttpReply::new(head, r#"{"request_id":"theirs","status":"completed"}"#.into());
        let error = GetStatus(&id).read(&reply).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.is_transient());
    }
}
