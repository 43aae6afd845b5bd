//! HEIC and AVIF: the sides of the primary image, cropped and turned as the container says.
//!
//! The primary image need not be the largest: an encoder that pads odd sides keeps a larger one. A sequence without a
//! primary image has the sides of its first track.

use std::io;
use std::ops::Range;

use kling_types::ImageFormat;

use super::source::Source;
use super::{Header, failed};
use crate::Error;
use crate::error::Kind;

/// More boxes, items and properties than any image has in one place.
const MAX_BOXES: u32 = 4096;
/// More brands than any image names.
const MAX_BRANDS: usize = 64;

/// Reads the header of a file of ISO boxes. An MP4 is such a file too, and no image.
pub(super) fn read(source: &mut impl Source) -> Result<Header, Error> {
    let brands = brands(source);
    let named = brands.iter().find_map(format_of);
    let broken = if named.is_some() { Kind::Corrupt } else { Kind::NotAnImage(None) };
    let sides = match primary_sides(source) {
        Err(error) if is_of_the_bytes(&error) && brands.iter().any(is_sequence) => track_sides(source),
        result => result,
    };
    let format = named.unwrap_or(ImageFormat::Heic);
    sides.map(|sides| Header::new(format, sides)).map_err(|error| failed(error, broken))
}

/// Returns the brands of the file, the main one first. The second word of the box is a version.
fn brands(source: &mut impl Source) -> Vec<[u8; 4]> {
    let ftyp = child(source, 0..u64::MAX, *b"ftyp").unwrap_or_default();
    let words = (0..(ftyp.end - ftyp.start) / 4).take(MAX_BRANDS).filter(|&index| index != 1);
    words.map_while(|index| source.take_at(ftyp.start + 4 * index).ok()).collect()
}

/// Returns the format that a brand names. Some brands name none, such as `mif1`.
fn format_of(brand: &[u8; 4]) -> Option<ImageFormat> {
    match brand {
        b"avif" | b"avio" | b"avis" | b"MA1A" | b"MA1B" => Some(ImageFormat::Avif),
        b"heic" | b"heim" | b"heis" | b"heix" | b"hevc" | b"hevm" | b"hevs" | b"hevx" => {
            Some(ImageFormat::Heic)
        }
        b"jpeg" | b"jpgs" => Some(ImageFormat::Heic),
        _ => None,
    }
}

/// Whether a brand is that of an image sequence. A video has the same boxes and none of these brands.
const fn is_sequence(brand: &[u8; 4]) -> bool {
    matches!(brand, b"avis" | b"hevc" | b"hevx" | b"msf1")
}

/// Whether the data of the image continues after the end of the file. Ignores bytes after the boxes.
pub(super) fn is_truncated(source: &mut impl Source, length: u64) -> bool {
    let mut is_beyond = false;
    // A walk that fails has met bytes outside any box.
    let _ = for_each_box(source, 0..u64::MAX, |_, name, body| {
        is_beyond = name == *b"mdat" && body.end > length && body.end != u64::MAX;
        Ok(!is_beyond && body.end < length)
    });
    is_beyond
}

/// Whether an error is the fault of the bytes, and not of the reader.
fn is_of_the_bytes(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}

/// Returns the sides of the primary image, cropped and turned.
fn primary_sides(source: &mut impl Source) -> io::Result<(u32, u32)> {
    let meta = child(source, 0..u64::MAX, *b"meta")?;
    let meta = meta.start + 4..meta.end;
    let primary = primary_item(source, meta.clone())?;
    let properties = child(source, meta, *b"iprp")?;
    let associations = child(source, properties.clone(), *b"ipma")?;
    let indices = associated(source, associations, primary)?;
    let container = child(source, properties, *b"ipco")?;
    let mut sides = None;
    let mut is_turned = false;
    let mut index = 0;
    for_each_box(source, container, |source, name, body| {
        index += 1;
        match &name {
            _ if !indices.contains(&index) => {}
            b"ispe" => sides = sides.or(Some(pair(source.take_at(body.start + 4)?))),
            b"clap" => sides = clean_aperture(source.take_at(body.start)?).or(sides),
            b"irot" => is_turned = source.take_at::<1>(body.start)?[0] % 2 == 1,
            _ => {}
        }
        Ok(true)
    })?;
    let (width, height) = sides.ok_or(io::ErrorKind::InvalidData)?;
    Ok(if is_turned { (height, width) } else { (width, height) })
}

/// Returns the sides of the first track of images. An auxiliary track, such as an alpha channel, does not count.
fn track_sides(source: &mut impl Source) -> io::Result<(u32, u32)> {
    let movie = child(source, 0..u64::MAX, *b"moov")?;
    let mut sides = None;
    for_each_box(source, movie, |source, name, track| {
        if name == *b"trak" && !is_auxiliary(source, track.clone())? {
            let header = child(source, track, *b"tkhd")?;
            sides =
                Some(shown_sides(source, header.start)?).filter(|&(width, height)| width > 0 && height > 0);
        }
        Ok(sides.is_none())
    })?;
    sides.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn is_auxiliary(source: &mut impl Source, track: Range<u64>) -> io::Result<bool> {
    let media = child(source, track, *b"mdia")?;
    let handler = child(source, media, *b"hdlr")?;
    Ok(source.take_at(handler.start + 8)? == *b"auxv")
}

/// Returns the sides in a track header, which are 65,536ths of a pixel. Its times are longer in version 1.
fn shown_sides(source: &mut impl Source, header: u64) -> io::Result<(u32, u32)> {
    let at = header + if source.take_at(header)? == [0] { 76 } else { 88 };
    let (width, height) = pair(source.take_at(at)?);
    Ok((width >> 16, height >> 16))
}

/// Returns the item of the primary image.
fn primary_item(source: &mut impl Source, meta: Range<u64>) -> io::Result<u32> {
    let pitm = child(source, meta, *b"pitm")?;
    let [version, _, _, _, a, b] = source.take_at(pitm.start)?;
    if version == 0 {
        Ok(u16::from_be_bytes([a, b]).into())
    } else {
        Ok(u32::from_be_bytes(source.take_at(pitm.start + 4)?))
    }
}

/// Returns the properties of an item by their place in the container, counted from one.
fn associated(source: &mut impl Source, ipma: Range<u64>, wanted: u32) -> io::Result<Vec<u16>> {
    let [version, _, _, flags] = source.take_at(ipma.start)?;
    let entries = u32::from_be_bytes(source.take_at(ipma.start + 4)?).min(MAX_BOXES);
    let is_wide = flags & 1 == 1;
    let mut at = ipma.start + 8;
    for _ in 0..entries {
        let item = if version == 0 {
            at += 2;
            u16::from_be_bytes(source.take_at(at - 2)?).into()
        } else {
            at += 4;
            u32::from_be_bytes(source.take_at(at - 4)?)
        };
        let [count] = source.take_at(at)?;
        let (first, width) = (at + 1, if is_wide { 2 } else { 1 });
        if item == wanted {
            return (0..u64::from(count))
                .map(|index| property(source, first + width * index, is_wide))
                .collect();
        }
        at = first + width * u64::from(count);
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Returns one association without its flag, which says whether a reader must know the property.
fn property(source: &mut impl Source, at: u64, is_wide: bool) -> io::Result<u16> {
    if is_wide {
        return Ok(u16::from_be_bytes(source.take_at(at)?) & 0x7fff);
    }
    let [index] = source.take_at(at)?;
    Ok((index & 0x7f).into())
}

/// Returns the sides of a crop, which are fractions, rounded down to whole pixels.
fn clean_aperture(bytes: [u8; 16]) -> Option<(u32, u32)> {
    let [w0, w1, w2, w3, d0, d1, d2, d3, h0, h1, h2, h3, e0, e1, e2, e3] = bytes;
    let (width, over) = pair([w0, w1, w2, w3, d0, d1, d2, d3]);
    let (height, under) = pair([h0, h1, h2, h3, e0, e1, e2, e3]);
    Some((width.checked_div(over)?, height.checked_div(under)?))
}

fn pair([a, b, c, d, e, f, g, h]: [u8; 8]) -> (u32, u32) {
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// Returns the content of the first box of a name.
fn child(source: &mut impl Source, within: Range<u64>, wanted: [u8; 4]) -> io::Result<Range<u64>> {
    let mut found = None;
    for_each_box(source, within, |_, name, body| {
        if name == wanted {
            found = Some(body);
        }
        Ok(found.is_none())
    })?;
    found.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Calls `each` for every box until it returns `false`.
fn for_each_box<R: Source>(
    source: &mut R,
    within: Range<u64>,
    mut each: impl FnMut(&mut R, [u8; 4], Range<u64>) -> io::Result<bool>,
) -> io::Result<()> {
    let mut at = within.start;
    for _ in 0..MAX_BOXES {
        if within.end.saturating_sub(at) < 8 {
            break;
        }
        let [a, b, c, d, name @ ..] = source.take_at::<8>(at)?;
        let (head, size) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (8, within.end - at),
            1 => (16, u64::from_be_bytes(source.take_at(at + 8)?)),
            size => (8, size.into()),
        };
        let end = at.checked_add(size).filter(|&end| size >= head && end <= within.end);
        let end = end.ok_or(io::ErrorKind::InvalidData)?;
        if !each(source, name, at + head..end)? {
            break;
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
        [&(body.len() as u32 + 8).to_be_bytes(), name.as_slice(), body].concat()
    }

    fn ispe(width: u8, height: u8) -> Vec<u8> {
        boxed(b"ispe", &[0, 0, 0, 0, 0, 0, 0, width, 0, 0, 0, height])
    }

    /// A file of two items, of which the second is shown, with the properties that it has.
    fn sides(properties: &[Vec<u8>], of_primary: &[u8]) -> Option<(u32, u32)> {
        let count = of_primary.len() as u8;
        let ipma = [&[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 1, 1, 0, 2, count], of_primary].concat();
        let iprp = [boxed(b"ipco", &properties.concat()), boxed(b"ipma", &ipma)].concat();
        let meta = [&[0; 4], boxed(b"pitm", &[0, 0, 0, 0, 0, 2]).as_slice(), &boxed(b"iprp", &iprp)].concat();
        let file = [boxed(b"ftyp", b"heic\0\0\0\0"), boxed(b"meta", &meta)].concat();
        read(&mut &*file).ok().map(|header| (header.width, header.height))
    }

    #[test]
    fn the_primary_image_counts_even_if_another_is_larger() {
        assert_eq!(sides(&[ispe(64, 48), ispe(63, 47)], &[0x82]), Some((63, 47)));
    }

    #[test]
    fn any_compatible_brand_may_name_avif() {
        let format = |words: &[u8]| brands(&mut &*boxed(b"ftyp", words)).iter().find_map(format_of);
        let is_avif = |words: &[u8]| format(words) == Some(ImageFormat::Avif);
        assert!(is_avif(b"mif1\0\0\0\0miafmif1avif") && is_avif(b"mif1\0\0\0\0avis"));
        assert!(!is_avif(b"mif1\0\0\0\0miafmif1heic") && !is_avif(b"mif1avif") && !is_avif(b""));
    }

    #[test]
    fn a_sequence_without_a_primary_image_has_the_sides_of_its_track() {
        let track = |handler: &[u8; 4], version: u8, width: u8, height: u8| {
            let times = if version == 0 { 20 } else { 32 };
            let sides = [0, width, 0, 0, 0, height, 0, 0];
            let header =
                boxed(b"tkhd", &[&[version, 0, 0, 0], vec![0; times + 52].as_slice(), &sides].concat());
            let media = boxed(b"mdia", &boxed(b"hdlr", &[&[0; 8], handler.as_slice(), &[0; 13]].concat()));
            boxed(b"trak", &[header, media].concat())
        };
        let file = |brand: &[u8; 4], tracks: &[Vec<u8>]| {
            let ftyp = boxed(b"ftyp", &[brand.as_slice(), &[0; 4], b"msf1"].concat());
            [ftyp, boxed(b"moov", &[boxed(b"mvhd", &[0; 100]), tracks.concat()].concat())].concat()
        };
        let sides = |file: &[u8]| read(&mut &*file).ok().map(|header| (header.width, header.height));
        let tracks = [track(b"auxv", 0, 9, 9), track(b"pict", 0, 64, 48)];
        assert_eq!(sides(&file(b"avis", &tracks)), Some((64, 48)));
        assert_eq!(sides(&file(b"hevc", &[track(b"pict", 1, 64, 48)])), Some((64, 48)));
        let mut video = file(b"isom", &tracks);
        video[16..20].copy_from_slice(b"mp42");
        assert_eq!(sides(&video), None, "a video is no image");
        assert_eq!(sides(&file(b"avis", &tracks[..1])), None);
    }

    #[test]
    fn crops_and_turns_are_followed() {
        let clap = boxed(
            b"clap",
            &[
                0, 0, 0, 60, 0, 0, 0, 1, 0, 0, 0, 80, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                0, 1,
            ],
        );
        let turned = boxed(b"irot", &[1]);
        let upside_down = boxed(b"irot", &[2]);
        let all = [ispe(64, 48), clap, turned, upside_down];
        assert_eq!(sides(&all, &[1, 2]), Some((60, 40)));
        assert_eq!(sides(&all, &[1, 2, 3]), Some((40, 60)));
        assert_eq!(sides(&all, &[1, 4]), Some((64, 48)));
    }

    #[test]
    fn contradictory_boxes_are_broken() {
        assert_eq!(sides(&[ispe(64, 48)], &[]), None);
        assert_eq!(sides(&[vec![0, 0, 0, 3, 0, 0, 0, 0]], &[1]), None);
        assert_eq!(sides(&[vec![0xff; 64]], &[1]), None);
    }
}
