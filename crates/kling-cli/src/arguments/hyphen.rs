//! Request ids and prompts that begin with a hyphen.

use std::ffi::OsString;

use clap::{Arg, Command, CommandFactory};
use kling::RequestId;

use super::Arguments;

/// Moves request ids behind `--` if one of them begins with a hyphen, since clap takes such an id for an option. Options of the
/// command are never ids.
pub(crate) fn separate_ids(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut root = Arguments::command();
    root.build();
    let is_plain = |text: &OsString| !text.as_encoded_bytes().starts_with(b"-");
    let place = arguments.iter().skip(1).position(is_plain).map(|place| place + 1);
    let command = place.and_then(|place| root.find_subcommand(&arguments[place]));
    match (place, command.filter(|command| takes_ids(command))) {
        (Some(place), Some(command)) => separated(command, &arguments, place + 1),
        _ => arguments,
    }
}

fn separated(command: &Command, arguments: &[OsString], first: usize) -> Vec<OsString> {
    let (mut options, mut ids, mut is_needed) = (arguments[..first].to_vec(), Vec::new(), false);
    let mut rest = arguments[first..].iter();
    while let Some(argument) = rest.next() {
        match argument.to_str() {
            Some("--") => ids.extend(rest.by_ref().cloned()),
            Some(text) if text == "-" || !text.starts_with('-') => ids.push(argument.clone()),
            Some(text) => match takes_next(text, command) {
                None if text.parse::<RequestId>().is_ok() => {
                    is_needed = true;
                    ids.push(argument.clone());
                }
                Some(true) => options.extend([argument].into_iter().chain(rest.next()).cloned()),
                _ => options.push(argument.clone()),
            },
            None => options.push(argument.clone()),
        }
    }
    if !is_needed {
        return arguments.to_vec();
    }
    options.push("--".into());
    options.extend(ids);
    options
}

/// Whether the value of an option is the next argument. Returns `None` if the text is not an option.
fn takes_next(text: &str, command: &Command) -> Option<bool> {
    let Some(long) = text.strip_prefix("--") else {
        // A cluster of flags. The last one may have a value.
        for (at, letter) in text.char_indices().skip(1) {
            let option = command.get_arguments().find(|argument| argument.get_short() == Some(letter))?;
            if option.get_action().takes_values() {
                return Some(at + letter.len_utf8() == text.len());
            }
        }
        return Some(false);
    };
    let name = long.split('=').next().unwrap_or(long);
    match command.get_arguments().find(|argument| is_long(argument, name)) {
        Some(option) => Some(option.get_action().takes_values() && name == long),
        // Letters alone are a misspelt option.
        None => name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-').then_some(false),
    }
}

/// Returns a command for a hint. An id that begins with a hyphen must be the last argument.
pub(crate) fn command_line(command: &str, id: &str, options: &str) -> String {
    let options = if options.is_empty() { String::new() } else { format!(" {options}") };
    if id.starts_with('-') {
        format!("kling {command}{options} -- {id}")
    } else {
        format!("kling {command} {id}{options}")
    }
}

/// Reads the request id of an option. Refuses an option of kling.
pub(crate) fn request_id(text: &str) -> Result<RequestId, String> {
    refuse_option(text, "a request id")?;
    text.parse().map_err(|error: kling::transport::CallError| error.to_string())
}

/// Reads a prompt. Refuses an option of kling, which would be lost as an option.
pub(crate) fn prompt(text: &str) -> Result<String, String> {
    refuse_option(text, "a prompt")?;
    Ok(text.to_owned())
}

fn refuse_option(text: &str, wanted: &str) -> Result<(), String> {
    if !text.starts_with('-') {
        return Ok(());
    }
    let mut root = Arguments::command();
    root.build();
    if is_option(&root, text) {
        return Err(format!("found an option of kling; expected {wanted} before it"));
    }
    Ok(())
}

/// Whether a text is an option of a command or of a command below it.
fn is_option(command: &Command, text: &str) -> bool {
    let is_this = |argument: &Arg| match text.strip_prefix("--") {
        Some(name) => is_long(argument, name.split('=').next().unwrap_or(name)),
        None => argument.get_short().is_some_and(|letter| text == format!("-{letter}")),
    };
    command.get_arguments().any(is_this) || command.get_subcommands().any(|below| is_option(below, text))
}

fn takes_ids(command: &Command) -> bool {
    command.get_positionals().any(|argument| matches!(argument.get_id().as_str(), "id" | "ids"))
}

fn is_long(argument: &Arg, name: &str) -> bool {
    argument.get_long_and_visible_aliases().is_some_and(|names| names.contains(&name))
        || argument.get_aliases().is_some_and(|names| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command line as clap gets it, without the name of the program.
    fn separate(line: &str) -> String {
        let words = ["kling"].into_iter().chain(line.split(' ')).map(OsString::from);
        let words: Vec<String> =
            separate_ids(words).into_iter().skip(1).map(|word| word.into_string().unwrap()).collect();
        words.join(" ")
    }

    #[test]
    fn an_id_with_a_hyphen_goes_behind_the_options() {
        for (line, expected) in [
            ("status -abc", "status -- -abc"),
            ("--json cancel -abc --json", "--json cancel --json -- -abc"),
            ("wait a -b1 c -o clip.mp4", "wait -o clip.mp4 -- a -b1 c"),
            ("wait -b1 -oclip --timeout 5s", "wait -oclip --timeout 5s -- -b1"),
            ("wait -b1 --timeout=5s --on-interrupt leave", "wait --timeout=5s --on-interrupt leave -- -b1"),
            ("result --X1", "result -- --X1"),
            ("status -h3", "status -- -h3"),
            ("resume -b1 -- -c", "resume -- -b1 -c"),
        ] {
            assert_eq!(separate(line), expected, "{line}");
        }
    }

    #[test]
    fn everything_else_is_left_to_clap() {
        for line in [
            "status abc --json",
            "status -h",
            "status --help",
            "wait a --outptu clip.mp4",
            "wait a -o -b1",
            "wait -- -b1",
            "resume --all",
            "status -",
            "generate -x1",
            "run -x1 --set a=b",
            "-x",
            "nonsense -x1",
        ] {
            assert_eq!(separate(line), line);
        }
    }

    #[test]
    fn a_hint_can_be_typed_in_again() {
        for id in ["abc", "-abc", "-oclip", "--all", "-h"] {
            let line = command_line("resume", id, "--timeout 5s");
            let parsed = <Arguments as clap::Parser>::try_parse_from(separate_ids(
                line.split(' ').map(OsString::from),
            ));
            let super::super::Command::Resume(resume) = parsed.unwrap().command else { panic!("{line}") };
            assert_eq!(resume.id.unwrap().as_str(), id, "{line}");
        }
    }
}
