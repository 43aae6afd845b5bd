//! The simulated API: settings, clock and everything that it remembers, behind one lock.
//!
//! It turns a routed call into an answer; sockets are the business of [`crate::server`].

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::{Json, http::HeaderValue};
use serde_json::{Value, json};

use crate::accounts::Accounts;
use crate::catalog::{Catalog, Filter};
use crate::clock::Clock;
use crate::ledger::{Ledger, dollars};
use crate::links::Links;
use crate::recipe::{Clips, Gallery};
use crate::refusal::{Code, Refusal};
use crate::route::{Route, output_path};
use crate::script::Script;
use crate::settings::Settings;
use crate::store::Store;
use crate::{Bill, Call, Fault, RecordedCall, clip, download, job_reply, lock, submission};

/// The simulated API.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) catalog: Catalog,
    pub(crate) links: Links,
    world: Mutex<World>,
    clips: Mutex<Clips>,
}

/// What changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) accounts: Accounts,
    pub(crate) gallery: Gallery,
    pub(crate) ledger: Ledger,
    pub(crate) store: Store,
    pub(crate) failures: VecDeque<Value>,
    script: Script,
    recorded: Vec<RecordedCall>,
}

impl Service {
    pub(crate) fn new(settings: Settings, catalog: Catalog, origin: String) -> Self {
        let accounts = Accounts::new(settings.tokens.clone(), settings.any_token);
        let mut ledger = Ledger::default();
        ledger.open(settings.tokens.len().saturating_sub(1), settings.balance);
        let world = World {
            accounts,
            gallery: Gallery::default(),
            ledger,
            store: Store::new(settings.queue, settings.lifetime, settings.seed),
            failures: VecDeque::new(),
            script: Script::new(settings.faults.clone()),
            recorded: Vec::new(),
        };
        Self {
            clock: Clock::new(settings.speed),
            catalog,
            links: Links::new(origin, settings.api.link_origin.clone()),
            world: Mutex::new(world),
            clips: Mutex::default(),
            settings,
        }
    }

    /// Answers one call, or refuses it in the API's words.
    pub(crate) fn process(&self, route: &Route, head: &Parts, body: &Bytes) -> Result<Response, Refusal> {
        let account = || self.sign_in(head.headers.get(AUTHORIZATION));
        match route {
            Route::Balance => account().map(|account| json(self.balance_reply(account))),
            Route::Cancel(id) => job_reply::cancel(self, id, account()?),
            Route::Categories => account().map(|_| json(self.catalog.categories())),
            Route::Model(id) => account().and_then(|_| Ok(json(self.catalog.find(id)?.entry(true)))),
            Route::Models => account().and_then(|_| Ok(json(self.catalog.page(&filter(head)?)))),
            Route::Output(id, number) => self.output(id, *number, head),
            Route::Result(id) => job_reply::result(self, id, account()?, asks_for_cost(head)),
            Route::Status(id) => job_reply::status(self, id, account()?),
            Route::Submit(id) => submission::submit(self, id, account()?, head, body),
            Route::Unknown => Err(Refusal::new(Code::NoSuchPath, "the API has no such path")),
            Route::WrongMethod => Err(Refusal::new(Code::MethodNotAllowed, "the path has another method")),
        }
    }

    /// Lets `read` look at what changes, or change it, at one moment.
    pub(crate) fn with<T>(&self, read: impl FnOnce(&mut World, Duration) -> T) -> T {
        let mut world = lock(&self.world);
        let now = self.clock.now();
        read(&mut world, now)
    }

    pub(crate) fn origin(&self) -> &str {
        self.links.origin()
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    pub(crate) fn advance(&self, step: Duration) {
        self.clock.advance(step);
    }

    pub(crate) fn billed(&self) -> Vec<Bill> {
        self.with(|world, _| world.ledger.bills().to_vec())
    }

    pub(crate) fn balance(&self, account: usize) -> i64 {
        self.with(|world, _| world.ledger.balance(account))
    }

    pub(crate) fn fault_next(&self, call: Call, fault: Fault) {
        self.with(|world, _| world.script.push(call, fault));
    }

    /// Counts a call, and says what goes wrong with it.
    pub(crate) fn fault(&self, call: Call) -> Option<Fault> {
        self.with(|world, _| world.script.take(call))
    }

    /// Makes an id unknown from now on.
    pub(crate) fn forget(&self, id: &str) {
        self.with(|world, _| world.store.forget(id));
    }

    pub(crate) fn fail_next_job(&self, error: Value) {
        self.with(|world, _| world.failures.push_back(error));
    }

    pub(crate) fn recorded(&self) -> Vec<RecordedCall> {
        self.with(|world, _| world.recorded.clone())
    }

    /// Notes a call that has arrived, and gives its number.
    pub(crate) fn record(&self, call: Call, head: &Parts, fault: Option<&Fault>) -> usize {
        self.with(|world, at| {
            world.recorded.push(RecordedCall {
                call,
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                query: head.uri.query().map(str::to_owned),
                has_auth: head.headers.contains_key(AUTHORIZATION),
                fault: fault.map(Fault::to_string),
                status: None,
                at,
            });
            world.recorded.len() - 1
        })
    }

    /// Notes how a call was answered.
    pub(crate) fn record_answer(&self, number: usize, response: &Response) {
        self.with(|world, _| world.recorded[number].status = Some(response.status().as_u16()));
    }

    fn sign_in(&self, header: Option<&HeaderValue>) -> Result<usize, Refusal> {
        self.with(|world, _| {
            let account = world.accounts.sign_in(header)?;
            world.ledger.open(account, self.settings.balance);
            Ok(account)
        })
    }

    fn balance_reply(&self, account: usize) -> Value {
        let microdollars = self.balance(account);
        json!({
            "balance_usd": dollars(microdollars),
            "balance_microdollars": microdollars,
            "currency": "USD",
        })
    }

    fn output(&self, id: &str, number: usize, head: &Parts) -> Result<Response, Refusal> {
        let recipe = (number < self.settings.output_count)
            .then(|| self.with(|world, now| world.store.recipe(id, now).cloned()))
            .flatten()
            .filter(|recipe| head.uri.path() == output_path(id, number, recipe.kind))
            .ok_or_else(|| Refusal::new(Code::ResourceNotFound, "there is no such file"))?;
        let clip = lock(&self.clips).place(&recipe);
        // Made by the first who asks; the lock on all clips is not held meanwhile.
        let made = clip.get_or_init(|| clip::make(&recipe).map(Bytes::from));
        let bytes = made
            .as_ref()
            .map_err(|error| Refusal::new(Code::Internal, format!("the clip could not be made: {error}")))?;
        Ok(download::reply(bytes.clone(), download::media_type(recipe.kind), head))
    }
}

fn json(body: Value) -> Response {
    Json(body).into_response()
}

fn filter(head: &Parts) -> Result<Filter, Refusal> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&head.uri)
        .map_err(|_| Refusal::new(Code::Mismatch, "the query is not made of pairs"))?;
    Filter::read(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

fn asks_for_cost(head: &Parts) -> bool {
    head.uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "include_cost=true"))
}
