//! Failure reports as the server keeps them.

use jug_native::redis::report;
use jug_native::result_store::Report;
use serde_pickle::Value;

#[test]
fn a_report_is_json_with_the_name_of_its_task() {
    let report = Report::from([
        ("again".to_owned(), Value::Bool(false)),
        ("message".to_owned(), Value::String("no \"ü\"\n".to_owned())),
        ("pid".to_owned(), Value::I64(7)),
        ("started".to_owned(), Value::F64(0.5)),
        ("type".to_owned(), Value::None),
    ]);
    let bytes = report::encode(&report, "m.f");
    let text = r#"{"again":false,"message":"no \"ü\"\n","name":"m.f","pid":7,"started":0.5,"type":null}"#;
    assert_eq!(String::from_utf8(bytes.clone()).unwrap(), text);
    let mut again = report::decode(&bytes);
    assert_eq!(again.remove("name"), Some(Value::String("m.f".to_owned())));
    assert_eq!(again, report);
}

#[test]
fn reports_of_earlier_versions_are_read() {
    let text = br#"{"message": "a \ud800 \u00fc \ud83d\ude00", "pid": 7, "kept": true, "more": [1, "x"], "large": 1e400}"#;
    let report = report::decode(text);
    assert_eq!(report["pid"], Value::I64(7));
    assert_eq!(report["kept"], Value::Bool(true));
    assert_eq!(report["more"], Value::String("[1, \"x\"]".to_owned()));
    let Value::String(message) = &report["message"] else { panic!("{:?}", report["message"]) };
    assert!(message.starts_with("a \u{fffd}"), "{message}");
    assert!(message.ends_with(" ü 😀"), "{message}");
}

#[test]
fn what_is_no_report_is_an_empty_one() {
    for bytes in [b"".as_slice(), b"[1]", b"{\"a\":", b"\xff\xfe"] {
        assert_eq!(report::decode(bytes), Report::new());
    }
}
