//! What a method and a path ask for. No socket.
//!
//! Paths are read as they came over the wire, one segment at a time: a model id holds slashes and blanks, and
//! the name of an output holds `%3D`, which a client that decodes and encodes again gets wrong.

use axum::http::Method;
use kling_types::OutputKind;
use percent_encoding::percent_decode_str;

use crate::Call;

/// One thing that the simulator can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Balance,
    Cancel(String),
    Categories,
    Model(String),
    Models,
    /// A file by request id and number, from zero.
    Output(String, usize),
    Result(String),
    Status(String),
    Submit(String),
    /// A path that exists, under another method.
    WrongMethod,
    Unknown,
}

impl Route {
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        let Some(path) = path.strip_prefix('/') else { return Self::Unknown };
        let segments: Vec<&str> = path.split('/').collect();
        let (read, post) = (*method == Method::GET, *method == Method::POST);
        match segments.as_slice() {
            ["prod", "v2", "balance"] => only(read, Self::Balance),
            ["v1", "models"] => only(read, Self::Models),
            ["v1", "models", "categories"] if read => Self::Categories,
            ["v1", "models", id @ ..] if post => Self::Submit(model_id(id)),
            ["v1", "models", id @ ..] => only(read, Self::Model(model_id(id))),
            ["v1", "requests", id, "status"] => only(read, Self::Status(decoded(id))),
            ["v1", "requests", id, "result"] => only(read, Self::Result(decoded(id))),
            ["v1", "requests", id, "cancel"] => only(post, Self::Cancel(decoded(id))),
            ["outputs", folder, file] => match output(folder, file) {
                Some(output) => only(read || *method == Method::HEAD, output),
                None => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// The id of the job that is asked about.
    pub(crate) fn request_id(&self) -> Option<&str> {
        match self {
            Self::Cancel(id) | Self::Output(id, _) | Self::Result(id) | Self::Status(id) => Some(id),
            _ => None,
        }
    }

    pub(crate) const fn call(&self) -> Call {
        match self {
            Self::Balance => Call::Balance,
            Self::Cancel(_) => Call::Cancel,
            Self::Categories | Self::Model(_) | Self::Models => Call::Catalog,
            Self::Output(..) => Call::Output,
            Self::Result(_) => Call::Result,
            Self::Status(_) => Call::Status,
            Self::Submit(_) => Call::Submit,
            Self::WrongMethod | Self::Unknown => Call::Other,
        }
    }
}

/// The path of an output file. The `%3D` is there to be kept as it is, like those of the real service.
pub(crate) fn output_path(request_id: &str, number: usize, kind: OutputKind) -> String {
    let extension = extension(kind);
    match number {
        0 => format!("/outputs/{request_id}%3D/output.{extension}"),
        _ => format!("/outputs/{request_id}%3D/output_{}.{extension}", number + 1),
    }
}

const fn extension(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Audio => "wav",
        OutputKind::Image => "png",
        _ => "mp4",
    }
}

fn only(allowed: bool, route: Route) -> Route {
    if allowed { route } else { Route::WrongMethod }
}

fn output(folder: &str, file: &str) -> Option<Route> {
    let request_id = folder.strip_suffix("%3D")?;
    let (name, end) = file.rsplit_once('.')?;
    let is_ours = [OutputKind::Audio, OutputKind::Image, OutputKind::Video].map(extension).contains(&end);
    let number = match name.strip_prefix("output").filter(|_| is_ours)? {
        "" => 0,
        number => number.strip_prefix('_')?.parse::<usize>().ok()?.checked_sub(1)?,
    };
    Some(Route::Output(request_id.to_owned(), number))
}

fn model_id(segments: &[&str]) -> String {
    let read = |segment: &&str| match decoded(segment) {
        // A slash belongs between segments; encoded inside one it is another id, which no model has.
        segment_with_slash if segment_with_slash.contains('/') => (*segment).to_owned(),
        segment => segment,
    };
    segments.iter().map(read).collect::<Vec<_>>().join("/")
}

fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Route {
        Route::of(&Method::GET, path)
    }

    fn post(path: &str) -> Route {
        Route::of(&Method::POST, path)
    }

    #[test]
    fn categories_come_before_ids() {
        assert_eq!(get("/v1/models/categories"), Route::Categories);
        assert_eq!(get("/v1/models/categories/x"), Route::Model("categories/x".into()));
        assert_eq!(get("/v1/models"), Route::Models);
    }

    #[test]
    fn a_model_id_keeps_its_slashes_and_its_encoded_blanks() {
        let id = "kling/kling-1-6/pro/image-to-video";
        assert_eq!(post(&format!("/v1/models/{id}")), Route::Submit(id.into()));
        assert_eq!(get("/v1/models/a/b%20c"), Route::Model("a/b c".into()));
        assert_eq!(get("/v1/models/a%2Fb%20c"), Route::Model("a%2Fb%20c".into()));
    }

    #[test]
    fn requests_take_their_own_method_only() {
        assert_eq!(get("/v1/requests/r-1/status"), Route::Status("r-1".into()));
        assert_eq!(get("/v1/requests/r-1/result"), Route::Result("r-1".into()));
        assert_eq!(post("/v1/requests/r-1/cancel"), Route::Cancel("r-1".into()));
        assert_eq!(get("/v1/requests/r-1/cancel"), Route::WrongMethod);
        assert_eq!(post("/prod/v2/balance"), Route::WrongMethod);
        assert_eq!(get("/v1/requests/r-1"), Route::Unknown);
        assert_eq!(get("/v1/requests"), Route::Unknown);
    }

    #[test]
    fn the_path_of_an_output_is_taken_to_the_letter() {
        assert_eq!(get(&output_path("r-1", 0, OutputKind::Video)), Route::Output("r-1".into(), 0));
        assert_eq!(get(&output_path("r-1", 1, OutputKind::Image)), Route::Output("r-1".into(), 1));
        assert_eq!(get("/outputs/r-1%3D/output.exe"), Route::Unknown);
        assert_eq!(get("/outputs/r-1=/output.mp4"), Route::Unknown);
        assert_eq!(get("/outputs/r-1%253D/output.mp4"), Route::Unknown.clone());
        assert_eq!(get("/outputs/r-1%3D/output_0.mp4"), Route::Unknown);
    }
}
