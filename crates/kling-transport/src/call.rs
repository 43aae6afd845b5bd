//! The free calls: what each asks, how its answer is read, and when it is made again, without socket or clock.

use serde::Serialize;
use serde_json::Value;

use crate::{
    Balance, CancelReply, Error, ErrorKind, HttpReply, HttpRequest, ModelId, RequestId, ResultReply,
    Settings, StatusReply, Token, TransportError, api_reply, redact,
};

/// A call that costs nothing: it may be made again, and clients do so.
///
/// The calls are those of this module and no others, so that none carries what costs money.
pub trait Call: sealed::Free + Send + Sync {
    /// What it is called in spans.
    const NAME: &'static str;

    /// What the answer becomes.
    type Reply: Send;

    /// The request to send.
    fn request(&self, settings: &Settings) -> HttpRequest;

    /// Reads the answer.
    ///
    /// # Errors
    /// Where the API said no, or the answer cannot be read.
    fn read(&self, reply: &HttpReply) -> Result<Self::Reply, Error>;

    /// The request that the call is about, for errors.
    fn request_id(&self) -> Option<&RequestId> {
        None
    }
}

/// Others can name a call, and make none.
pub(crate) mod sealed {
    /// A call that costs nothing, of this module.
    pub trait Free {}

    impl Free for super::GetStatus<'_> {}
    impl Free for super::GetResult<'_> {}
    impl Free for super::PostCancel<'_> {}
    impl Free for super::GetBalance {}
    impl Free for super::GetModel<'_> {}
}

/// Asks for the state of a job: `GET /requests/{id}/status`.
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
        match StatusReply::usual(reply, self.0) {
            Some(usual) => Ok(usual),
            None => StatusReply::read(api_reply::of_job(reply, self.0)?, reply.head.retry_after),
        }
    }

    fn request_id(&self) -> Option<&RequestId> {
        Some(self.0)
    }
}

/// Asks for the outcome of a job with its cost: `GET /requests/{id}/result?include_cost=true`.
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

/// Asks to cancel a job: `POST /requests/{id}/cancel`, without a body.
#[derive(Clone, Copy, Debug)]
pub struct PostCancel<'a>(pub &'a RequestId);

impl Call for PostCancel<'_> {
    const NAME: &'static str = "cancel";
    type Reply = CancelReply;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::post(settings.base.join(&["requests", self.0.as_str(), "cancel"]), &settings.token)
    }

    fn read(&self, reply: &HttpReply) -> Result<CancelReply, Error> {
        CancelReply::of_answer(&api_reply::of_job(reply, self.0)?)
    }

    fn request_id(&self) -> Option<&RequestId> {
        Some(self.0)
    }
}

/// Asks for the account's balance, at the place that [`ApiBase`](crate::ApiBase) names.
#[derive(Clone, Copy, Debug)]
pub struct GetBalance;

impl Call for GetBalance {
    const NAME: &'static str = "balance";
    type Reply = Balance;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::get(settings.base.balance(), Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Balance, Error> {
        Balance::read(&api_reply::open(reply)?)
    }
}

/// Asks for one entry of the catalog with its input schema, as the API sends it: `GET /models/{model_id}`.
#[derive(Clone, Copy, Debug)]
pub struct GetModel<'a>(pub &'a ModelId);

impl Call for GetModel<'_> {
    const NAME: &'static str = "model";
    type Reply = Value;

    fn request(&self, settings: &Settings) -> HttpRequest {
        HttpRequest::get(settings.base.join(&["models", &self.0.encoded()]), Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Value, Error> {
        api_reply::open(reply).map(Value::Object)
    }
}

/// Asks for a part of the catalog, as the API sends it: `GET /models` → `{"models", "total", "limit", "offset"}`.
///
/// What is left out is not sent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListModels {
    /// Words to look for.
    pub search: Option<String>,
    /// One of `GET /models/categories`.
    pub category: Option<String>,
    /// The kind of output.
    pub kind: Option<String>,
    /// Whether each entry carries its input schema.
    pub include_schema: Option<bool>,
    /// How many entries, 1 to 500.
    pub limit: Option<u32>,
    /// How many entries to skip.
    pub offset: Option<u32>,
}

impl sealed::Free for ListModels {}

impl Call for ListModels {
    const NAME: &'static str = "models";
    type Reply = Value;

    fn request(&self, settings: &Settings) -> HttpRequest {
        let mut url = settings.base.join(&["models"]);
        let numbers = [("limit", self.limit), ("offset", self.offset)];
        let texts = [("search", &self.search), ("category", &self.category), ("kind", &self.kind)];
        let pairs: Vec<(&str, String)> = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.clone()?)))
            .chain(self.include_schema.map(|flag| ("include_schema", flag.to_string())))
            .chain(numbers.into_iter().filter_map(|(name, number)| Some((name, number?.to_string()))))
            .collect();
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        HttpRequest::get(url, Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Value, Error> {
        api_reply::open(reply).map(Value::Object)
    }
}

/// Reads the outcome of one attempt; its errors name the request and not the token.
pub(crate) fn read<C: Call>(
    call: &C,
    token: Option<&Token>,
    outcome: Result<HttpReply, TransportError>,
) -> Result<C::Reply, Error> {
    let read = match redact::outcome(outcome, token) {
        Ok(reply) => call.read(&reply),
        Err(failure) => read_beginning(call, failure),
    };
    read.map_err(|error| error.with_request_id(call.request_id().cloned()))
}

/// Reads an answer that broke off: all that was asked for may be in its beginning.
fn read_beginning<C: Call>(call: &C, failure: TransportError) -> Result<C::Reply, Error> {
    let read = HttpReply::begun(&failure).map(|reply| call.read(&reply));
    match read {
        Some(Ok(reply)) => Ok(reply),
        // The service's own words say more than the failure does.
        Some(Err(error)) if error.is_api_error() || error.kind() == ErrorKind::RateLimited => Err(error),
        _ => Err(failure.into()),
    }
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
    fn an_answer_about_another_request_is_no_answer() {
        let id: RequestId = "mine".parse().unwrap();
        let head = HttpHead { status: 200, ..HttpHead::default() };
        let reply = HttpReply::new(head, r#"{"request_id":"theirs","status":"completed"}"#.into());
        let error = GetStatus(&id).read(&reply).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.is_transient());
    }
}
