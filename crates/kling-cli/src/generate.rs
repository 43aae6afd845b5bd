//! The commands with an input: `kling generate`, `kling run`, `kling submit` and `kling validate`.

use kling::ModelId;
use kling::media::{MediaKind, Reference};
use kling::models::ModelInfo;
use kling::validation::ModelSchema;
use serde_json::{Map, Value, json};

use crate::arguments::{Generate, GenerateArgs, OnInterrupt, Run, Submit, Validate};
use crate::console::{CliError, Console, Output};
use crate::interrupts::Interrupts;
use crate::media_checker::MediaChecker;
use crate::output_path::OutputPath;
use crate::pipeline::{self, JobSpec, Pipeline};
use crate::progress::ProgressLine;
use crate::session::Session;
use crate::{catalog, inline_files, input};

pub(crate) async fn run(arguments: &Run, console: Console) -> Result<Output, CliError> {
    let mut body = match arguments.source() {
        Some(source) => input::read(&source)?,
        None => Map::new().into(),
    };
    let (schema, session) = schema(arguments, console).await?;
    catalog::warn_unchecked(&schema, console);
    input::apply(&arguments.set, &schema.input, &mut body)?;
    for name in schema.notes.not_on_file.iter().filter(|name| body.get(name.as_str()).is_some()) {
        console.note(format!(
            "note: {name} is missing from the compiled-in schema; to use the live schema: --live"
        ));
    }
    check_and_run(&schema, session, body, &arguments.generate_args, console).await
}

/// Returns the compiled-in schema, or else the live one and the session that fetched it.
async fn schema(arguments: &Run, console: Console) -> Result<(ModelSchema, Option<Session>), CliError> {
    match kling::models::find(&arguments.model).filter(|_| !arguments.is_from_catalog()) {
        Some(model) => Ok((catalog::compiled_schema(model)?, None)),
        None => {
            let session = Session::generate(&arguments.generate_args, arguments.schemas.as_deref(), console)?;
            let schema = catalog::live_schema(&session.client, &arguments.model).await?;
            Ok((schema, Some(session)))
        }
    }
}

pub(crate) async fn generate(arguments: &Generate, console: Console) -> Result<Output, CliError> {
    let model = catalog::known_model(&arguments.model.model)?;
    let body = assemble(arguments, model)?;
    check_and_run(&catalog::compiled_schema(model)?, None, body, &arguments.generate_args, console).await
}

/// Makes every check before the one request that costs money. A session is given if it has fetched the schema.
async fn check_and_run(
    schema: &ModelSchema,
    session: Option<Session>,
    mut body: Value,
    generate_args: &GenerateArgs,
    console: Console,
) -> Result<Output, CliError> {
    let output_path = OutputPath::check(generate_args.output.as_deref()).map_err(CliError::before_submit)?;
    let mut checker = MediaChecker::new(&generate_args.media, !generate_args.offline);
    inline_files::inline(schema, &mut body, &mut checker, console)?;
    let report = checker.check(schema.validate_input(&body), &schema.media, &body).await?;
    input::bound(&body)?;
    let session = match session {
        Some(session) => session,
        None => Session::generate(generate_args, None, console)?,
    };
    let spec = JobSpec { model: schema.id.parse()?, body, report, output_path };
    pipeline::run(&session, generate_args, spec, console).await
}

/// Returns the body with the arguments of the command line only.
fn assemble(arguments: &Generate, model: &ModelInfo) -> Result<Value, CliError> {
    let [image_name, tail_name] = image_fields(model);
    let none = |what| CliError::usage(format!("the model {} takes no {what}", model.id));
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("prompt", arguments.prompt.clone().map(Value::from));
    set(image_name.ok_or_else(|| none("image"))?, Some(image(&arguments.image)?));
    if let Some(tail) = &arguments.tail_image {
        set(tail_name.ok_or_else(|| none("end image"))?, Some(image(tail)?));
    }
    set("duration", arguments.duration.as_deref().map(number_or_text));
    set("negative_prompt", arguments.negative_prompt.clone().map(Value::from));
    set("cfg_scale", arguments.cfg_scale.map(Value::from));
    Ok(body.into())
}

/// Refuses raw base64, which looks like a path.
fn image(text: &str) -> Result<Value, CliError> {
    let Reference::Base64(_) = Reference::parse(text) else { return Ok(text.into()) };
    let length = text.len();
    let message = format!(
        "the image looks like raw base64 ({length} characters); expected a path, an https URL or a data: URI"
    );
    Err(CliError::input(message))
}

/// Returns the names of the first two properties that hold one image.
fn image_fields(model: &ModelInfo) -> [Option<&str>; 2] {
    let mut names = model
        .media
        .iter()
        .filter(|field| field.kind == MediaKind::Image && !field.plural)
        .map(|field| field.name.as_ref());
    [names.next(), names.next()]
}

/// Reads a duration: an integer in most models, a word such as `auto` in some.
fn number_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

pub(crate) async fn submit(arguments: &Submit, console: Console) -> Result<Output, CliError> {
    let body = input::read(&arguments.input)?;
    if !arguments.unchecked {
        let model = catalog::known_model(&arguments.model.model)?;
        let checker = MediaChecker::new(&arguments.media, true);
        checker.check((model.validate_input)(&body), model.media, &body).await?.warn(console);
    }
    let model: ModelId = arguments.model.model.parse()?;
    let session = Session::paid(&arguments.journal_args, console)?;
    let progress = &ProgressLine::new(console);
    let mut interrupts = Interrupts::new(arguments.interrupt_args, OnInterrupt::Cancel);
    let mut pipeline = Pipeline { client: &session.client, progress, interrupts: &mut interrupts };
    let job = pipeline.submit(&model, body).await?;
    let id = job.id().as_str();
    Ok(Output {
        text: id.to_owned(),
        json: json!({ "request_id": id, "model": model.as_str(), "status": "submitted" }),
    })
}

pub(crate) async fn validate(arguments: &Validate, console: Console) -> Result<Output, CliError> {
    let body = input::read(&arguments.input)?;
    let schema = catalog::schema(&arguments.model.model, console).await?;
    catalog::warn_unchecked(&schema, console);
    let mut checker = MediaChecker::new(&arguments.media, true);
    let whole = inline_files::with_placeholders(&schema, &body, &mut checker)?;
    let report = checker.check(schema.validate_input(&whole), &schema.media, &body).await?;
    report.warn(console);
    let json = json!({ "valid": true, "model": schema.id, "checks": report.json() });
    Ok(Output { text: "valid".to_owned(), json })
}
