//! Addresses of redis servers.

use std::time::Duration;

use jug_native::redis::client::url::Address;

#[test]
fn a_url_says_all_and_has_defaults() {
    let all = Address::parse("rediss://ann:p%40ss@[::1]:7000/3?retry=1.5&lifetime=8").unwrap();
    assert_eq!((all.host.as_str(), all.port, all.db, all.tls), ("::1", 7000, 3, true));
    assert_eq!((all.user.as_deref(), all.password.as_deref()), (Some("ann"), Some("p@ss")));
    assert_eq!((all.retry, all.lifetime), (Duration::from_millis(1500), Duration::from_secs(8)));
    assert_eq!(all.to_string(), "rediss://[::1]:7000/3");
    let odd = Address::parse("redis://:a/b?c@d@localhost/1").unwrap();
    assert_eq!(
        (odd.password.as_deref(), odd.to_string()),
        (Some("a/b?c@d"), "redis://localhost:6379/1".into())
    );
    for short in ["redis:", "redis://", "redis:///", "redis://localhost", "redis://localhost:6379/0"] {
        let short = Address::parse(short).unwrap();
        assert_eq!(short.to_string(), "redis://localhost:6379/0");
        assert_eq!((short.user, short.password), (None, None));
    }
}

#[test]
fn no_error_shows_a_password() {
    for wrong in [
        "redis://:secret@host:port",
        "redis://ann:secret@host/x",
        "redis://:secret@h?nothing=1",
        "redis://:1/secret@h:port",
        "redis://:1?secret@h:port",
        "redis://:1?retry=secret@h:port",
        "redis://:%secret@h",
        "redis::secret@h:port",
        "redi://:secret@h",
    ] {
        let text = Address::parse(wrong).unwrap_err().to_string();
        assert!(!text.contains("secret"), "{text}");
    }
}
