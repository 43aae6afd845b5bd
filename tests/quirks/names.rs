//! Names that no rule of Rust likes, and what they become.

use kling_tests::fixtures::{
    blackforestlabs_flux_3_text_to_video as flux_3, made_up_hailuo_video_01_live as blank,
    made_up_names as names, made_up_overrides as overrides, minimax_h3_image_to_video as h3,
};
use kling_types::Model;
use kling_types::models::kling_3_0_pro_image_to_video as kling_3;
use serde_json::json;

use crate::{URL, output_violations, pointers};

#[test]
fn enums_of_digits_and_auto_read_well() {
    assert_eq!(flux_3::Duration::default(), flux_3::Duration::Auto);
    assert_eq!(flux_3::Duration::Seconds20.as_str(), "20");
    assert_eq!(flux_3::AspectRatio::R21x9.as_str(), "21:9");
    assert_eq!(h3::Resolution::R2k.as_str(), "2k");
}

#[test]
fn an_enum_of_one_value_is_an_enum() {
    assert_eq!(kling_3::ShotType::ALL, [kling_3::ShotType::Customize]);
}

#[test]
fn values_that_differ_only_in_case_are_two_variants() {
    assert_eq!(names::Resolution::R480P.as_str(), "480P");
    assert_eq!(names::Resolution::R480p.as_str(), "480p");
    assert_eq!(names::Mode::new("AUTO").unwrap(), names::Mode::AutoUpper);
}

#[test]
fn names_that_rust_or_the_builder_needs_are_changed() {
    let built =
        names::Input::builder().prompt_text("x").type_("y").extra_value("z").clone(true).default(false);
    let sent = serde_json::to_value(built.build().unwrap()).unwrap();
    assert_eq!(sent, json!({"promptText": "x", "type": "y", "extra": "z", "clone": true, "default": false}));
}

#[test]
fn names_of_our_own_and_of_the_standard_library_are_free() {
    let media = names::MediaRef::builder().anything(json!([1]));
    let any = names::AnyValue::builder().media_ref(names::AnyValueMediaRef::builder().only_null("x"));
    let object = names::AnyObject::builder().image(URL);
    let built = names::Input::builder().prompt_text("x").type_("y").as_ref("z").fn_(names::Fn::Cut);
    let built = built.media_ref(media).any_value(any.free(serde_json::Map::new())).any_object(object);
    let sent = serde_json::to_value(built.build().unwrap()).unwrap();
    assert_eq!(sent["any_value"], json!({"media_ref": {"only_null": "x"}, "free": {}}));
    assert_eq!(
        (&sent["as_ref"], &sent["fn"], &sent["media_ref"]),
        (&json!("z"), &json!("cut"), &json!({"anything": [1]}))
    );
    assert_eq!(pointers(output_violations::<names::MadeUpNames>(&json!({"size": -1}))), ["/size"]);
}

#[test]
fn a_blank_and_capitals_in_an_id_are_kept_on_the_wire() {
    assert_eq!(blank::MadeUpHailuoVideo01Live::ID, "made-up/Hailuo Video 01 Live");
}

#[test]
fn overrides_settle_names_variants_and_media() {
    let built =
        overrides::Input::builder().opening(URL).subject(URL).image("no reference").level(2).build().unwrap();
    assert_eq!(built.level, Some(overrides::Strength::Middle));
    let media: Vec<_> = overrides::MEDIA.iter().map(|field| (&*field.name, field.rules.len())).collect();
    assert_eq!(media, [("first-frame", 0), ("First Frame", 0), ("subject", 1)]);
}
