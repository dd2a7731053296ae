//! Results that are not sent yet.

use jug_native::redis::unsent::{UnsentResult, UnsentResults};

use crate::support::temp_jugdir::key;

#[test]
fn results_that_could_not_be_sent_stay_in_order() {
    let mut unsent = UnsentResults::default();
    let result = |n| UnsentResult { key: key(n), record: vec![n; 3], claimed: true };
    unsent.push(result(1));
    unsent.push(result(2));
    let taken = unsent.take();
    assert_eq!(unsent.bytes(), 0);
    unsent.push(result(3));
    unsent.put_back(taken);
    assert_eq!(unsent.bytes(), 9);
    assert_eq!(unsent.take().iter().map(|it| it.key).collect::<Vec<_>>(), vec![key(1), key(2), key(3)]);
}
