//! Values of one of several forms.

use kling_tests::fixtures::made_up_choices as choices;
use kling_types::{MediaKind, MediaRef, ModelInput};
use serde_json::json;

use crate::URL;

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
    let expected = "/image_size: got a string; expected \"square_hd\", \"square\" or \"portrait_4_3\" or an object; \
                    /duration: got 7; expected \"auto\" or 5 or 10";
    assert_eq!(violations.to_string(), expected);
    let wrong = json!({"image_size": {"width": 3, "height": 64}});
    let expected = "/image_size: got an object; \
                    expected \"square_hd\", \"square\" or \"portrait_4_3\" or at /width at least 64";
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
