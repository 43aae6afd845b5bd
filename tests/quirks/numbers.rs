//! Numbers of every kind, their bounds, and lists of them.

use kling_tests::fixtures::{
    blackforestlabs_flux_2_flash_text_to_image as flux, lightricks_ltx_2_5_image_to_video_pro as ltx,
    made_up_numbers as numbers, runwayml_runway_aleph_2_video_to_video as aleph,
};
use kling_types::{ModelInput, Number, Violations};
use serde_json::{Value, json};

use crate::{URL, pointers};

#[test]
fn the_type_float_is_a_number() {
    let input = flux::Input::builder().prompt("x").guidance_scale(2.5).build().unwrap();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({"prompt": "x", "guidance_scale": 2.5}));
}

#[test]
fn enums_of_integers_are_integers_on_the_wire() {
    let input = ltx::Input::builder().prompt("x").image_url(URL).fps(50).duration("10").build().unwrap();
    assert_eq!((input.fps, input.duration), (Some(ltx::Fps::Fps50), Some(ltx::Duration::Seconds10)));
    let sent = serde_json::to_value(input).unwrap();
    assert_eq!((&sent["fps"], &sent["duration"]), (&json!(50), &json!("10")));
}

#[test]
fn integers_are_as_wide_as_their_bounds() {
    let refused =
        |property: &str, value: Value| numbers::Input::validate_json(&json!({property: value})).is_err();
    assert!(!refused("wide_seed", json!(u64::MAX)) && refused("wide_seed", json!(1.9e19)));
    assert!(!refused("huge", json!(1e22)) && refused("huge", json!(1e24)));
    assert!(!refused("steps", json!(1e300)) && !refused("seed", json!(1e300)) && refused("seed", json!(-1)));
    assert!(refused("signed", json!(u64::MAX)));
    let input: numbers::Input =
        serde_json::from_value(json!({"steps": 1e300, "wide_seed": u64::MAX})).unwrap();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({"steps": 1e300, "wide_seed": u64::MAX}));
}

#[test]
fn a_refusal_names_the_integer_that_was_given() {
    let given = |steps: u64| {
        let (typed, bound) = (aleph::Seed::try_from(steps), aleph::Seed::BOUNDS);
        let value = json!(steps);
        let mut found = Violations::new();
        kling_types::check::integer(&value, bound, &kling_types::Pointer::ROOT, &mut found);
        assert_eq!(Violations::from(typed.unwrap_err()), found, "{steps}");
        found.to_string()
    };
    assert_eq!(given(4_294_967_296), "got 4294967296; expected at most 4294967295");
    assert_eq!(given(u64::MAX), "got 1.8446744073709552e19; expected at most 4294967295");
    assert_eq!(
        numbers::BoundedList::try_from(u64::MAX).unwrap_err().to_string(),
        "got 1.8446744073709552e19; expected 5 or 10"
    );
}

#[test]
fn seeds_of_every_shape_take_an_integer() {
    assert_eq!(aleph::Seed::BOUNDS.max, Some(4_294_967_295));
    assert!(aleph::Seed::new(4_294_967_296).is_err());
    assert!(kling_tests::fixtures::acestep_ai_ace_step_1_5_text_to_audio::Seed::new(-1).is_ok());
    assert!(kling_tests::fixtures::wan_ai_wan_2_7_edit::Seed::new(-1).is_err());
}

#[test]
fn exclusive_bounds_of_both_drafts_are_kept() {
    let built = numbers::Input::builder().above(0.0).draft_4(0.0).after_zero(0).before_ten(10);
    assert_eq!(pointers(built.build().unwrap_err()), ["/above", "/draft_4", "/after_zero", "/before_ten"]);
    let built = numbers::Input::builder().above(0.5).draft_4(10.0).after_zero(8).before_ten(9);
    assert!(built.build().is_ok());
}

#[test]
fn numbers_with_and_without_bounds_take_the_same() {
    fn bounded(value: impl TryInto<numbers::Draft4>) -> bool {
        value.try_into().is_ok()
    }
    fn unbounded(value: impl TryInto<Number>) -> bool {
        value.try_into().is_ok()
    }
    assert!(bounded(0.5_f64) && bounded(0.5_f32) && bounded(1_i32) && bounded(1_u32));
    assert!(unbounded(0.5_f64) && unbounded(0.5_f32) && unbounded(1_i32) && unbounded(1_u32));
    assert!(!bounded(f32::NAN) && !unbounded(f32::NAN));
}

#[test]
fn numbers_out_of_a_list_are_an_enum() {
    assert_eq!(numbers::Rate::ALL.len(), 4);
    assert_eq!((numbers::Rate::N0_5.value(), numbers::Fps::Fps23_976.value()), (0.5, 23.976));
    assert_eq!(numbers::BoundedList::VALUES, [5, 10]);
}
