//! From a name to a chip.

use esparto_chips::{CHIPS, find};

#[test]
fn every_chip_is_found_by_each_spelling_of_its_name() {
    for chip in CHIPS {
        let spellings = [
            chip.name.to_owned(),
            chip.name.to_uppercase(),
            chip.title.to_owned(),
            chip.title.to_lowercase(),
            chip.title.replace('-', "_"),
            chip.title.replace('-', " "),
        ];
        for spelling in spellings {
            assert_eq!(find(&spelling).map(|found| found.name), Ok(chip.name), "{spelling}");
        }
    }
}

#[test]
fn an_unknown_name_offers_the_nearest_and_lists_the_known() {
    let nearest = |name| find(name).expect_err("no such chip").nearest.map(|chip| chip.name);
    assert_eq!(nearest("esp32c33"), Some("esp32c3"));
    assert_eq!(nearest("esp32-x3"), Some("esp32s3"));
    assert_eq!(nearest("es32s3"), Some("esp32s3"));
    assert_eq!(nearest("S3"), Some("esp32s3"));
    assert_eq!(nearest("esp8256"), Some("esp8266"));
    assert_eq!(nearest("c61"), Some("esp32c61"));
    assert_eq!(nearest("stm32f4"), None);
    assert_eq!(nearest(""), None);

    let message = find("esp32-s9").expect_err("no such chip").to_string();
    assert!(message.contains("\"esp32-s9\"") && message.contains("did you mean esp32s2?"));
    for chip in CHIPS {
        assert!(message.contains(chip.name), "{message}");
    }
}

#[test]
fn no_name_is_too_strange() {
    for name in ["-", "\0", "ßß", "esp32s3esp32s3esp32s3", &"x".repeat(100_000), "esp32 s3 \u{7f}"]
    {
        let unknown = find(name).expect_err("no such chip");
        assert_eq!(unknown.name, name);
        assert!(!unknown.to_string().is_empty());
    }
}
