//! The output file where clips are not built in: the smallest file of its kind, with a line of text in it that says so.

use kling_types::OutputKind;

use crate::recipe::Recipe;

/// An MP4 file without any track.
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

/// A PNG file of one black pixel.
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xaeB`\x82";

/// A WAV file of no samples: 8 kHz, one channel, 8 bits.
const WAV: &[u8] =
    b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";

/// The bytes of the file; the same for the same recipe.
pub(crate) fn make(recipe: &Recipe) -> Result<Vec<u8>, String> {
    let text = text(recipe);
    Ok(match recipe.kind {
        // Whatever follows their end is not read.
        OutputKind::Audio => [WAV, text.as_bytes()].concat(),
        OutputKind::Image => [PNG, text.as_bytes()].concat(),
        _ => {
            let size = u32::try_from(text.len() + 8).map_err(|error| error.to_string())?;
            [MP4, &size.to_be_bytes(), b"free", text.as_bytes()].concat()
        }
    })
}

fn text(recipe: &Recipe) -> String {
    let Recipe { kind, start, end, seconds } = recipe;
    let kind = kind.singular();
    let pictures = [start, end].into_iter().flatten().map(|picture| picture.bytes.len());
    let (count, bytes) = pictures.fold((0, 0), |(count, sum), bytes| (count + 1, sum + bytes));
    let made_from = format!("{seconds} s from {count} picture(s) of {bytes} bytes");
    format!("SIMULATED: no {kind} of {made_from}, since kling-sim was built without its feature `clip`.\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_of_its_kind_and_says_that_it_is_no_more() {
        for (kind, start) in [
            (OutputKind::Audio, b"RIFF"),
            (OutputKind::Image, b"\x89PNG"),
            (OutputKind::Video, b"\0\0\0\x18"),
        ] {
            let made = make(&Recipe { kind, ..Recipe::default() }).unwrap();
            assert!(made.starts_with(start), "{kind:?}");
            let text = String::from_utf8_lossy(&made);
            assert!(text.contains("SIMULATED") && text.contains("feature `clip`"), "{text}");
        }
    }
}
