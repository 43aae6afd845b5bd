//! The version of the program.

mod program;

use program::Program;

#[test]
fn the_long_version_names_the_source_and_the_target() {
    let short = concat!("kling ", env!("CARGO_PKG_VERSION"));
    assert_eq!(Program::new().run(&["-V"]).stdout.trim_end(), short);
    let long = Program::new().run(&["--version"]).stdout;
    let details = long.trim_end().strip_prefix(short).and_then(|text| text.strip_prefix(" (")).unwrap();
    let mut words = details.strip_suffix(')').unwrap().rsplit(' ');
    assert!(words.next().unwrap().contains(std::env::consts::ARCH), "{long}");
    if let Some(date) = words.next().filter(|word| word.contains('-')) {
        assert_eq!(date.len(), "2026-01-31".len(), "{long}");
    }
    assert!(words.all(|commit| commit.len() == 7), "{long}");
}
