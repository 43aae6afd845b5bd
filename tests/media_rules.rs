//! Media rules below, at and above each bound.

use kling_tests::frozen::MEDIA;
use kling_types::{ImageFormat, Keyword, MediaFacts, MediaField, Megabyte, Metric};
use proptest::prelude::*;
use serde_json::json;

fn field(name: &str) -> &'static MediaField {
    MEDIA.iter().find(|field| field.name == name).unwrap()
}

fn broken(name: &str, facts: &MediaFacts) -> Vec<String> {
    let judgement = field(name).check(&format!("/{name}"), facts);
    judgement.violations.iter().map(ToString::to_string).collect()
}

#[test]
fn sides_must_exceed_300_pixels() {
    let facts = |width, height| MediaFacts::image(ImageFormat::Jpeg, width, height, 1_000);
    for name in ["image_url", "tail_image_url"] {
        assert!(broken(name, &facts(301, 301)).is_empty());
        assert_eq!(broken(name, &facts(300, 301)).len(), 1);
        assert_eq!(broken(name, &facts(301, 300)).len(), 1);
        assert_eq!(broken(name, &facts(299, 299)).len(), 2);
    }
}

#[test]
fn a_start_image_must_be_lighter_than_10_megabytes_and_an_end_image_need_not() {
    let facts = |bytes| MediaFacts::image(ImageFormat::Jpeg, 400, 400, bytes);
    assert!(broken("image_url", &facts(9_999_999)).is_empty());
    assert_eq!(broken("image_url", &facts(10_000_000)).len(), 1);
    assert_eq!(broken("image_url", &facts(10_000_001)).len(), 1);
    assert!(broken("tail_image_url", &facts(100_000_000)).is_empty());
}

#[test]
fn a_start_image_must_be_between_2_to_5_and_5_to_2_inclusive() {
    let facts = |width, height| MediaFacts::image(ImageFormat::Jpeg, width, height, 1_000);
    for (width, height) in [(400, 1000), (1000, 400), (401, 1000), (1000, 401)] {
        assert!(broken("image_url", &facts(width, height)).is_empty(), "{width}x{height}");
    }
    for (width, height) in [(399, 1000), (1000, 399), (301, 10_000)] {
        assert_eq!(broken("image_url", &facts(width, height)).len(), 1, "{width}x{height}");
        assert!(broken("tail_image_url", &facts(width, height)).is_empty(), "{width}x{height}");
    }
}

#[test]
fn the_report_says_what_was_found_and_what_the_provider_says() {
    let report = broken("image_url", &MediaFacts::image(ImageFormat::Jpeg, 1000, 300, 10_485_760)).join("\n");
    insta::assert_snapshot!(report, @r"
    /image_url: got a height of 300 pixels; expected height_pixels > 300 (The uploaded image width and height must both exceed 300 pixels.)
    /image_url: got 10485760 bytes; expected file_size_mb < 10 (File size must be less than 10 MB.)
    /image_url: got 1000x300 pixels, a ratio of 3.333; expected width/height <= 2.5 (The aspect ratio of the start image must be between 2:5 and 5:2.)
    ");
}

#[test]
fn between_the_two_megabytes_a_file_is_refused_with_a_note_and_one_switch_lets_it_through() {
    let facts = |bytes| MediaFacts::image(ImageFormat::Jpeg, 400, 400, bytes);
    let judged =
        |bytes, megabyte| field("image_url").check_with("/image_url", &facts(bytes), megabyte).violations;
    insta::assert_snapshot!(judged(10_485_759, Megabyte::Decimal), @"/image_url: got 10485759 bytes; expected file_size_mb < 10; whether a megabyte is 1000000 or 1048576 bytes is not published (File size must be less than 10 MB.)");
    for bytes in [10_000_000, 10_485_759] {
        assert!(judged(bytes, Megabyte::Decimal).to_string().contains("not published"), "{bytes}");
        assert!(judged(bytes, Megabyte::Binary).is_empty(), "{bytes}");
    }
    let beyond = judged(10_485_760, Megabyte::Binary).to_string();
    assert!(!beyond.is_empty() && !beyond.contains("not published"), "{beyond}");
}

#[test]
fn what_is_not_known_is_unchecked_and_said_so() {
    let judgement = field("image_url").check("/image_url", &MediaFacts::unknown());
    assert!(judgement.violations.is_empty());
    let metrics: Vec<_> = judgement.unchecked.iter().map(|rule| rule.metric.clone()).collect();
    assert_eq!(
        metrics,
        [Metric::Width, Metric::Height, Metric::FileSizeMb, Metric::AspectRatio, Metric::AspectRatio]
    );
}

#[test]
fn references_are_found_with_their_pointers() {
    let input = json!({"image_url": "https://a.b", "tail_image_url": 5});
    assert_eq!(field("image_url").references(&input), [("/image_url".to_owned(), "https://a.b")]);
    assert!(field("tail_image_url").references(&input).is_empty());
}

proptest! {
    #[test]
    fn verdicts_are_those_of_plain_arithmetic(
        width in 1_u32..20_000, height in 1_u32..20_000, bytes in 0_u64..20_000_000,
    ) {
        let facts = MediaFacts::image(ImageFormat::Png, width, height, bytes);
        let (wide, high) = (u64::from(width), u64::from(height));
        let holds = wide > 300 && high > 300 && bytes < 10_000_000 && 5 * wide >= 2 * high && 2 * wide <= 5 * high;
        let judgement = field("image_url").check("/image_url", &facts);
        prop_assert_eq!(judgement.violations.is_empty(), holds);
        prop_assert!(judgement.violations.iter().all(|violation| violation.keyword() == Keyword::Validations));
    }
}
