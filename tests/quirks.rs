//! Every quirk of live schemas, by name: it generates, compiles without a warning, and behaves.

use kling_schema::CatalogEntry;
use kling_tests::agreement;
use kling_tests::fixtures::{
    blackforestlabs_flux_2_flash_text_to_image as flux, blackforestlabs_flux_3_text_to_video as flux_3,
    bytedance_seedream_5_0_pro_image_to_image as seedream, lightricks_ltx_2_5_image_to_video_pro as ltx,
    made_up_choices as choices, made_up_defaults as defaults, made_up_empty as empty,
    made_up_hailuo_video_01_live as blank, made_up_names as names, made_up_nothing as nothing,
    made_up_numbers as numbers, made_up_output as output, made_up_overrides as overrides,
    made_up_stray_required as stray, made_up_structured as structured, minimax_h3_image_to_video as h3,
    models, runwayml_runway_aleph_2_video_to_video as aleph,
};
use kling_types::kling_3_0_pro_image_to_video as kling_3;
use kling_types::{Integer, MediaKind, MediaRef, Model, ModelInput, ModelOutput, Number, Violations};
use serde_json::{Value, json};

const URL: &str = "https://example.com/a.jpg";

#[test]
fn verdict_and_pointers_are_those_of_the_standard() {
    agreement::with_the_standard(models());
}

#[test]
fn validation_at_run_time_finds_the_same_violations_in_the_same_order() {
    agreement::at_run_time(models());
}

#[test]
fn the_types_take_what_the_validators_take() {
    agreement::of_types_and_json(models());
}

#[test]
fn derived_schemas_say_what_the_schemas_say() {
    agreement::of_derived_schemas(models());
}

fn pointers(violations: Violations) -> Vec<String> {
    violations.into_iter().map(|violation| violation.pointer().to_owned()).collect()
}

#[test]
fn the_type_float_is_a_number() {
    let input = flux::Input::builder().prompt("x").guidance_scale(2.5).build().unwrap();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({"prompt": "x", "guidance_scale": 2.5}));
}

#[test]
fn an_array_without_items_and_with_a_plural_format_holds_media() {
    let built = seedream::Input::builder().prompt("x").image([URL, "photo.jpg"]).build();
    assert_eq!(pointers(built.unwrap_err()), ["/image/1"]);
    let [image] = seedream::MEDIA else { panic!("one media property") };
    assert_eq!(
        (&*image.name, image.kind, image.plural, image.rules.len()),
        ("image", MediaKind::Image, true, 5)
    );
}

#[test]
fn a_default_of_null_is_none() {
    let schema: Value =
        serde_json::from_str(flux::BlackforestlabsFlux2FlashTextToImage::INFO.input_schema).unwrap();
    assert_eq!(schema["properties"]["seed"]["default"], Value::Null);
    let input = flux::Input::builder().prompt("x").seed(7).build().unwrap();
    assert_eq!(input.seed, Some(Integer::from(7)));
}

#[test]
fn defaults_that_are_example_prompts_are_never_sent() {
    let input = defaults::Input::builder().prompt("mine").build().unwrap();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({"prompt": "mine"}));
}

#[test]
fn a_default_that_breaks_its_own_rules_is_documentation_only() {
    // The property takes numbers, its default is a text; the types of the others have no `Default` either.
    assert!(defaults::Strength::new(0.5).is_ok());
    assert_eq!(defaults::Steps::default().value(), 28);
    assert_eq!(defaults::Style::default().as_str(), "plain");
}

#[test]
fn enums_of_integers_are_integers_on_the_wire() {
    let input = ltx::Input::builder().prompt("x").image_url(URL).fps(50).duration("10").build().unwrap();
    assert_eq!((input.fps, input.duration), (Some(ltx::Fps::Fps50), Some(ltx::Duration::Seconds10)));
    let sent = serde_json::to_value(input).unwrap();
    assert_eq!((&sent["fps"], &sent["duration"]), (&json!(50), &json!("10")));
}

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
    assert_eq!(pointers(names::Output::validate_json(&json!({"size": -1})).unwrap_err()), ["/size"]);
}

#[test]
fn a_required_property_with_a_default_has_to_be_set() {
    let built = h3::Input::builder().image(URL).prompt("x").build();
    assert_eq!(pointers(built.unwrap_err()), ["/duration", "/resolution"]);
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
    assert_eq!(given(4_294_967_296), "found 4294967296, allowed at most 4294967295");
    assert_eq!(given(u64::MAX), "found 1.8446744073709552e19, allowed at most 4294967295");
    assert_eq!(
        numbers::BoundedList::try_from(u64::MAX).unwrap_err().to_string(),
        "found 1.8446744073709552e19, allowed 5 or 10"
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

#[test]
fn objects_in_arrays_build_where_they_are_given_and_report_at_once() {
    let shot = structured::MultiPromptItem::builder;
    let element = structured::ElementsItem::builder().frontal_image_url("front.jpg");
    let built = structured::Input::builder()
        .multi_prompt([shot().prompt("one"), shot().duration(4), shot().prompt("three")])
        .elements([element])
        .build();
    let found = ["/multi_prompt/1/prompt", "/multi_prompt/1/duration", "/elements/0/frontal_image_url"];
    assert_eq!(pointers(built.unwrap_err()), found);
}

#[test]
fn media_in_objects_in_arrays_are_found_with_their_rules() {
    let names: Vec<&str> = structured::MEDIA.iter().map(|field| &*field.name).collect();
    let nested = ["elements/*/frontal_image_url", "elements/*/reference_image_urls", "keyframes/*/image"];
    assert_eq!(names, [&nested[..], &["references"]].concat());
    assert_eq!(structured::MEDIA[0].rules.len(), 1);
    let input = json!({"elements": [{"frontal_image_url": "a"}, {"reference_image_urls": ["b", "c"]}]});
    let found: Vec<_> = structured::MEDIA.iter().flat_map(|field| field.references(&input)).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(pointer, text)| (pointer.as_str(), *text)).collect();
    assert_eq!(
        found,
        [
            ("/elements/0/frontal_image_url", "a"),
            ("/elements/1/reference_image_urls/0", "b"),
            ("/elements/1/reference_image_urls/1", "c"),
        ]
    );
}

#[test]
fn an_open_object_takes_more_than_it_names() {
    let camera = structured::Camera::builder().zoom(2).extra("pan", 1);
    let built =
        structured::Input::builder().multi_prompt([structured::MultiPromptItem::builder().prompt("x")]);
    let sent = serde_json::to_value(built.camera(camera).build().unwrap()).unwrap();
    assert_eq!(sent["camera"], json!({"zoom": 2.0, "pan": 1}));
    let read: structured::Input = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), sent);
}

#[test]
fn objects_may_have_no_properties_at_all() {
    let options = empty::Options::builder().build().unwrap();
    let sent = serde_json::to_value(empty::Input::builder().options(options).build().unwrap()).unwrap();
    assert_eq!(sent, json!({"options": {}}));
    assert_eq!(
        pointers(empty::Input::validate_json(&json!({"options": {"a": 1}})).unwrap_err()),
        ["/options/a"]
    );
    assert_eq!(pointers(nothing::Input::validate_json(&json!({"a": 1})).unwrap_err()), ["/a"]);
    assert_eq!(
        pointers(empty::Output::validate_json(&json!({"timings": {"a": 1}})).unwrap_err()),
        ["/timings/a"]
    );
}

#[test]
fn an_input_is_an_object_and_never_an_array_however_it_is_read() {
    // By the name of the type and by the trait: there is one reader, and it is the trait's.
    use serde::Deserialize;

    for array in [json!([]), json!(["prompt", 5]), json!(null), json!("x")] {
        assert!(overrides::Input::deserialize(&array).is_err(), "{array}");
        assert!(serde_json::from_value::<overrides::Input>(array.clone()).is_err(), "{array}");
        let nested = json!({"image_size": array});
        assert!(choices::Input::deserialize(&nested).is_err(), "{nested}");
    }
    let twice = serde_json::from_str::<structured::Camera>(r#"{"zoom": 1, "zoom": 2}"#).unwrap_err();
    assert!(twice.to_string().contains("duplicate field `zoom`"), "{twice}");
    let missing = serde_json::from_str::<structured::Camera>(r#"{"pan": 1}"#).unwrap_err();
    assert!(missing.to_string().contains("missing field `zoom`"), "{missing}");
}

#[test]
fn a_choice_takes_each_of_its_forms() {
    let named = choices::Input::builder().image_size("square").build().unwrap();
    assert_eq!(serde_json::to_value(named).unwrap(), json!({"image_size": "square"}));
    let custom = choices::ImageSizeObject::builder().width(64).height(4096).build().unwrap();
    let built =
        choices::Input::builder().image_size(custom).seed(7).duration(5).strength(0.5).build().unwrap();
    let sent = serde_json::to_value(built).unwrap();
    assert_eq!(sent["image_size"], json!({"width": 64, "height": 4096}));
    assert_eq!((&sent["seed"], &sent["duration"], &sent["strength"]), (&json!(7), &json!(5), &json!(0.5)));
}

#[test]
fn forms_of_one_type_convert_once() {
    let reference = || MediaRef::new(URL).unwrap();
    let built = choices::Input::builder()
        .image_size("square")
        .reference(reference())
        .references(choices::ReferencesList::try_from([reference()]).unwrap())
        .hints(serde_json::Map::new());
    let sent = serde_json::to_value(built.build().unwrap()).unwrap();
    assert_eq!(
        (&sent["reference"], &sent["references"], &sent["hints"]),
        (&json!(URL), &json!([URL]), &json!({}))
    );
}

#[test]
fn media_that_only_a_form_or_an_element_names_is_found() {
    let found: Vec<_> = choices::MEDIA.iter().map(|field| (&*field.name, field.kind, field.plural)).collect();
    let kind = MediaKind::Image;
    assert_eq!(found, [("images", kind, true), ("reference", kind, false), ("references", kind, true)]);
}

#[test]
fn a_choice_that_fits_no_form_says_what_each_allows() {
    let violations = choices::Input::builder().image_size("sqare").duration(7).build().unwrap_err();
    let expected = "/image_size: found a string, allowed \"square_hd\", \"square\" or \"portrait_4_3\" or an object; \
                    /duration: found 7, allowed \"auto\" or 5 or 10";
    assert_eq!(violations.to_string(), expected);
    let wrong = json!({"image_size": {"width": 3, "height": 64}});
    let expected = "/image_size: found an object, \
                    allowed \"square_hd\", \"square\" or \"portrait_4_3\" or at /width at least 64";
    assert_eq!(choices::Input::validate_json(&wrong).unwrap_err().to_string(), expected);
}

#[test]
fn null_is_taken_where_the_schema_takes_it_and_nowhere_else() {
    assert!(
        choices::Input::validate_json(&json!({"image_size": "square", "seed": null, "label": null})).is_ok()
    );
    assert!(choices::Input::validate_json(&json!({"image_size": null})).is_err());
    assert!(choices::Input::builder().image_size("square").strength(f64::NAN).build().is_err());
}

#[test]
fn a_required_name_that_is_no_property_can_be_gone_on_without() {
    let sent = stray::Input::builder().prompt("x").extra("image_urls", json!([URL])).build().unwrap();
    assert_eq!(serde_json::to_value(sent).unwrap(), json!({"prompt": "x", "image_urls": [URL]}));
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

#[test]
fn a_live_schema_that_is_the_one_on_file_has_not_moved() {
    for model in models() {
        let schema: Value = serde_json::from_str(model.input_schema).unwrap();
        let entry = json!({"model_id": model.id, "input_schema": schema});
        let drift = CatalogEntry::read(&entry).and_then(|entry| entry.drift(model)).unwrap();
        assert!(drift.is_empty(), "{}: {drift}", model.id);
    }
}

#[test]
fn inputs_that_are_not_on_file_are_sent_as_extra_ones() {
    let shots = json!([{"prompt": "one", "duration": 5}]);
    let built =
        kling_3::Input::builder().prompt("x").start_image_url(URL).extra("multi_prompt", shots.clone());
    assert_eq!(serde_json::to_value(built.build().unwrap()).unwrap()["multi_prompt"], shots);
}

#[test]
fn an_output_with_more_than_files_has_fields_for_it() {
    let given = json!({"audio": "https://example.com/a.mp3", "duration": 12.5, "seed": 1.5, "mood": "calm"});
    let read = output::Output::from_json(given.clone());
    assert_eq!((read.duration.map(kling_types::Number::value), read.seed), (Some(12.5), None));
    assert_eq!((&read.extra["seed"], &read.extra["mood"]), (&json!(1.5), &json!("calm")));
    assert_eq!(serde_json::to_value(&read).unwrap(), given);
    assert_eq!(
        pointers(output::Output::validate_json(&json!({"seed": 1.5})).unwrap_err()),
        ["/audio", "/seed"]
    );
}
