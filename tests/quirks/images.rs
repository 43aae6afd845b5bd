//! Images and options as values of a builder.

use kling_media::Image;
use kling_tests::fixtures::{
    bytedance_seedream_5_0_pro_image_to_image as seedream, made_up_choices as choices,
    made_up_structured as structured,
};
use kling_tests::frozen;
use kling_types::Keyword;
use serde_json::json;

use crate::{URL, pointers};

/// A whole GIF of these sides.
fn image(width: u16, height: u16) -> Image {
    let ([w, x], [h, y]) = (width.to_le_bytes(), height.to_le_bytes());
    Image::bytes([b"GIF89a", [w, x, h, y, 0, 0, 0].as_slice(), b";"].concat()).unwrap()
}

#[test]
fn an_image_is_checked_beside_the_other_values_and_in_their_order() {
    let built = frozen::Input::builder()
        .duration(7)
        .tail_image_url(image(64, 400))
        .image_url(image(64, 64))
        .prompt("x".repeat(1392))
        .build();
    let violations = built.unwrap_err();
    let expected = ["/prompt", "/image_url", "/image_url", "/tail_image_url", "/duration"];
    assert_eq!(pointers(violations.clone()), expected);
    let [_, width, ..] = &*violations else { panic!("five violations") };
    let words = "The uploaded image width and height must both exceed 300 pixels.";
    assert_eq!((width.keyword(), width.advice()), (Keyword::Validations, Some(words)));
    assert_eq!(width.found(), "a width of 64 pixels");
}

#[test]
fn a_good_image_is_sent_as_it_is_and_forgets_an_earlier_one() {
    let good = image(400, 400);
    let built = frozen::Input::builder().image_url(image(64, 64)).image_url(good.clone()).build().unwrap();
    assert_eq!(serde_json::to_value(&built.image_url).unwrap(), good.reference().as_str());
    let by_url = Image::url(URL).unwrap();
    let built = frozen::Input::builder().image_url(by_url).tail_image_url(URL).build().unwrap();
    assert_eq!(Some(built.image_url), built.tail_image_url);
}

#[test]
fn none_sets_nothing() {
    let builder =
        frozen::Input::builder().image_url(Some(image(400, 400))).prompt(Some("x")).duration(Some(5));
    let built = builder.prompt(None::<&str>).cfg_scale(None::<f64>).tail_image_url(None::<Image>).build();
    let built = built.unwrap();
    assert_eq!(built.prompt.as_ref().map(AsRef::as_ref), Some("x"), "an earlier value stays");
    assert_eq!((built.cfg_scale, built.tail_image_url), (None, None));
    let missing = frozen::Input::builder().image_url(None::<&str>).duration(Some(7)).duration(None::<i64>);
    assert_eq!(pointers(missing.build().unwrap_err()), ["/image_url", "/duration"]);
}

#[test]
fn images_in_a_list_are_counted_and_checked_one_by_one() {
    let wide = || image(2000, 30);
    let built = seedream::Input::builder().prompt("x").image([image(600, 600), wide()]).build();
    let found = pointers(built.unwrap_err());
    assert!(!found.is_empty() && found.iter().all(|pointer| pointer == "/image/1"), "{found:?}");
    let good = vec![Image::url(URL).unwrap(), image(600, 600)];
    let built = seedream::Input::builder().prompt("x").image(good).build().unwrap();
    assert_eq!(serde_json::to_value(built).unwrap()["image"][0], json!(URL));
    let many = vec![Image::url(URL).unwrap(); 99];
    assert_eq!(pointers(seedream::Input::builder().prompt("x").image(many).build().unwrap_err()), ["/image"]);
}

#[test]
fn an_image_in_a_nested_object_has_its_own_rules_and_pointer() {
    let element = structured::ElementsItem::builder().frontal_image_url(image(64, 64));
    let shot = structured::MultiPromptItem::builder().prompt("x");
    let built = structured::Input::builder().multi_prompt([shot]).elements([element]).build();
    assert_eq!(pointers(built.unwrap_err()), ["/elements/0/frontal_image_url"]);
}

#[test]
fn a_choice_with_a_form_for_media_takes_an_image() {
    let built = choices::Input::builder()
        .image_size("square")
        .reference(Image::url(URL).unwrap())
        .images(Some(Image::url(URL).unwrap()))
        .build();
    let sent = serde_json::to_value(built.unwrap()).unwrap();
    assert_eq!((&sent["reference"], &sent["images"]), (&json!(URL), &json!(URL)));
}
