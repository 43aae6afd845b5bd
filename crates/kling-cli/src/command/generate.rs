//! `kling generate`: a picture becomes a clip.

use kling::{MediaKind, ModelInfo};
use serde_json::{Map, Value};

use crate::arguments::Generate;
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};
use crate::making::{self, Order};
use crate::pictures::Pictures;
use crate::target::Target;
use crate::{input, picture};

/// Everything that can be wrong is found before the one request that costs.
pub(crate) async fn run(arguments: &Generate, console: Console) -> Result<Answer, Stop> {
    let making = &arguments.making;
    let model = input::known_model(&arguments.model.model)?;
    let target = Target::check(making.output.as_deref(), model.output_kind).map_err(Stop::before_submit)?;
    let body = assemble(arguments, model, console)?;
    let pictures = Pictures::new(&making.media, !making.is_offline());
    let report = input::check(model, &body, pictures.as_ref()).await?;
    input::bound(&body)?;
    let connection = making.connect(console)?;
    making::make(&connection, making, Order { model: model.id.parse()?, body, report, target }, console).await
}

/// The body, with nothing in it that was not asked for. What the model does not take is found by its own rules.
fn assemble(arguments: &Generate, model: &ModelInfo, console: Console) -> Result<Value, Stop> {
    let [image, tail_image] = image_fields(model);
    let is_checked = !arguments.making.media.no_media_check;
    let image =
        image.ok_or_else(|| Stop::new(Exit::Usage, format!("the model {} takes no image", model.id)))?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("prompt", arguments.prompt.clone().map(Value::from));
    set(image, Some(picture::reference(&arguments.image, is_checked, console)?.into()));
    if let Some(tail) = &arguments.tail_image {
        let no_tail = || Stop::new(Exit::Usage, format!("the model {} takes no second image", model.id));
        let name = tail_image.ok_or_else(no_tail)?;
        set(name, Some(picture::reference(tail, is_checked, console)?.into()));
    }
    set("duration", arguments.duration.as_deref().map(number_or_text));
    set("negative_prompt", arguments.negative_prompt.clone().map(Value::from));
    set("cfg_scale", arguments.cfg_scale.map(Value::from));
    Ok(body.into())
}

/// The first and the second property that holds one image.
fn image_fields(model: &ModelInfo) -> [Option<&str>; 2] {
    let mut names = model
        .media
        .iter()
        .filter(|field| field.kind == MediaKind::Image && !field.plural)
        .map(|field| field.name.as_ref());
    [names.next(), names.next()]
}

/// Durations are integers in most models, and words such as `auto` in some.
fn number_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}
