//! `kling run`: any model of the catalog, compiled in or not.

use kling::schema::ModelSchema;
use serde_json::Map;

use crate::arguments::Run;
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::making::{self, Order};
use crate::pictures::Pictures;
use crate::target::Target;
use crate::{attachments, catalog, input, settings};

/// Everything that can be wrong is found before the one request that costs.
pub(crate) async fn run(arguments: &Run, console: Console) -> Result<Answer, Stop> {
    let making = &arguments.making;
    let mut body = match arguments.source() {
        Some(source) => input::read(&source)?,
        None => Map::new().into(),
    };
    let (schema, connection) = schema(arguments, console).await?;
    catalog::warn_unchecked(&schema, console);
    let target = Target::check(making.output.as_deref(), schema.output_kind).map_err(Stop::before_submit)?;
    // The catalog has no field for the kind, so that it is guessed.
    let target = if connection.is_none() { target } else { target.guessed() };
    settings::apply(&arguments.set, &schema.input, &mut body)?;
    for name in schema.notes.not_on_file.iter().filter(|name| body.get(name.as_str()).is_some()) {
        console.say(format!(
            "note: {name} is not in the schema on file; --live takes the catalog's, which has it"
        ));
    }
    attachments::inline(&schema, &mut body, &making.media, console)?;
    let pictures = Pictures::new(&making.media, !making.is_offline());
    let verdict = schema.validate_input(&body);
    let report = input::judge(verdict, &schema.media, &body, pictures.as_ref()).await?;
    input::bound(&body)?;
    let connection = match connection {
        Some(connection) => connection,
        None => connect(arguments, console)?,
    };
    making::make(&connection, making, Order { model: schema.id.parse()?, body, report, target }, console)
        .await
}

/// The compiled-in schema, else the live one, which takes a connection.
async fn schema(arguments: &Run, console: Console) -> Result<(ModelSchema, Option<Connection>), Stop> {
    match kling::model(&arguments.model).filter(|_| !arguments.is_from_catalog()) {
        Some(model) => Ok((catalog::compiled_schema(model)?, None)),
        None => {
            let connection = connect(arguments, console)?;
            let schema = catalog::live_schema(connection.client.client(), &arguments.model).await?;
            Ok((schema, Some(connection)))
        }
    }
}

#[cfg(feature = "offline")]
fn connect(arguments: &Run, console: Console) -> Result<Connection, Stop> {
    match &arguments.schemas {
        Some(folder) => Connection::simulated(kling_sim::Sim::builder().schemas_dir(folder)),
        None => arguments.making.connect(console),
    }
}

#[cfg(not(feature = "offline"))]
fn connect(arguments: &Run, console: Console) -> Result<Connection, Stop> {
    arguments.making.connect(console)
}

impl Run {
    /// Whether the catalog's schema is wanted in any case: a folder's comes before a compiled-in one.
    #[cfg(feature = "offline")]
    const fn is_from_catalog(&self) -> bool {
        self.live || self.schemas.is_some()
    }

    #[cfg(not(feature = "offline"))]
    const fn is_from_catalog(&self) -> bool {
        self.live
    }
}
