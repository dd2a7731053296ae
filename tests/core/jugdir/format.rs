//! FORMAT and the files of workers, as bytes.

use std::fs;
use std::path::Path;

use jug_native::Error;
use jug_native::error::StoreError;
use jug_native::jugdir::{ClaimMode, Format, Identity, Jugdir};
use jug_native::os::local::Local;

use super::detect::refusal;

#[test]
fn a_damaged_format_is_distinguished_from_a_newer_one_and_an_unknown_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("FORMAT");
    let good = Format { uuid: *b"0123456789abcdef", mode: ClaimMode::Posix }.to_text();
    assert_eq!(
        good,
        "jug-rs jugdir\nversion 1\nuuid 30313233343536373839616263646566\nclaims posix\ncheck 5d44c717\n"
    );
    let signed = |text: &str| {
        let body = &text[..text.rfind("check").unwrap()];
        format!("{body}check {:08x}\n", crc32c(body.as_bytes()))
    };
    fs::write(&path, &good).unwrap();
    assert_eq!(Jugdir::open(dir.path()).unwrap().uuid(), Some(*b"0123456789abcdef"));
    let cases = [
        (good[..40].to_owned(), "cut short"),
        (good.replace("3031", "3131"), "checksum does not match"),
        (good.replace("version 1", "version 2"), "checksum does not match"),
        (
            signed(&good.replace("version 1", "version 2\nnews")),
            "format version 2, this version reads up to 1",
        ),
        (signed(&good.replace("posix", "telepathy")), "asks for claims in mode \"telepathy\""),
        (String::new(), "first line is not that of a jugdir"),
    ];
    for (text, message) in cases {
        fs::write(&path, &text).unwrap();
        let refusal = refusal(dir.path());
        assert!(refusal.contains(message), "{text:?}: {refusal}");
    }
}

/// Bit by bit, so that the one in the crate is compared with something.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 },
        )
    })
}

#[test]
fn an_identity_reads_back_and_a_damaged_one_is_refused() {
    let path = Path::new("workers/w");
    let identity = Identity::here(&Local, b"0123456789abcdef");
    let mut bytes = identity.to_bytes(path).unwrap();
    assert_eq!(Identity::parse(&bytes, path).unwrap(), identity);
    assert!(Identity::parse(&bytes[..10], path).is_err());
    assert!(Identity::parse(&bytes[..bytes.len() - 1], path).is_err());
    *bytes.last_mut().unwrap() ^= 1;
    assert!(Identity::parse(&bytes, path).unwrap_err().to_string().contains("checksum"));
    bytes[8] = 2;
    assert!(matches!(
        Identity::parse(&bytes, path),
        Err(Error::Store(StoreError::NewerFormat { found: 2, .. }))
    ));
}

#[test]
fn files_of_version_1_are_read_for_ever() {
    let format = include_bytes!("../../golden/format_v1");
    let expected = Format { uuid: *b"0123456789abcdef", mode: ClaimMode::Posix };
    assert_eq!(Format::parse(format, Path::new("FORMAT")).unwrap(), expected);
    let worker = include_bytes!("../../golden/worker_v1");
    let expected = Identity {
        pid_namespace: String::new(),
        gives_news: false,
        lifeline: None,
        host: "example.org".into(),
        boot_id: "0f5a2f9e-9a7c-4b0e-8f5d-3c2b1a090807".into(),
        pid: 4711,
        pid_start: 123_456,
        started: 1_700_000_000.25,
        nonce: "30313233343536373839616263646566".into(),
        version: "0.1.0".into(),
    };
    let path = Path::new("workers/example.4711.303132333435");
    assert_eq!(Identity::parse(worker, path).unwrap(), expected);
    assert_eq!(expected.id(), "example.4711.303132333435");
    assert_eq!(expected.to_bytes(path).unwrap(), worker, "and still written");
}
