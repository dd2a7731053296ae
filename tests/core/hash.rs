//! Canonical encoding: equal values encode alike, different ones differently, and none begins another.

use jug_native::Key;
use jug_native::hash::{BULK, Digester, Encoder, FOLD, Tag, digest};
use proptest::prelude::*;

/// A small model of what the encoder is given.
#[derive(Clone, Debug)]
enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    Str(String),
    Bytes(Vec<u8>),
    Task([u8; 32]),
    Back(usize),
    Class(String, String),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Set(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Replaced(Box<Value>),
}

fn encode(encoder: &mut Encoder, value: &Value) {
    match value {
        Value::None => encoder.singleton(Tag::None),
        Value::Bool(bool) => encoder.bool(*bool),
        Value::Int(int) => encoder.int(*int),
        Value::Float(float) => encoder.float(*float),
        Value::Complex(real, imaginary) => encoder.complex(*real, *imaginary),
        Value::Str(text) => encoder.str(text.as_bytes()),
        Value::Bytes(bytes) => encoder.bytes(bytes),
        Value::Task(key) => encoder.task_key(&Key::new(*key)),
        Value::Back(levels) => encoder.back_reference(*levels),
        Value::Class(module, name) => encoder.named(Tag::Class, module, name),
        Value::List(items) => sequence(encoder, Tag::List, items),
        Value::Tuple(items) => sequence(encoder, Tag::Tuple, items),
        Value::Set(elements) => {
            let mut items = encoder.open_items(Tag::Set, elements.len());
            for element in elements {
                encoder.item(&mut items);
                encode(encoder, element);
            }
            encoder.close_items(items);
        }
        Value::Dict(pairs) => {
            let mut items = encoder.open_items(Tag::Dict, pairs.len());
            for (key, value) in pairs {
                encoder.item(&mut items);
                encode(encoder, key);
                encode(encoder, value);
            }
            encoder.close_items(items);
        }
        Value::Replaced(value) => {
            let start = encoder.len();
            encode(encoder, value);
            encoder.precede(start, Tag::Replaced);
        }
    }
}

fn sequence(encoder: &mut Encoder, tag: Tag, items: &[Value]) {
    let group = encoder.open(tag, items.len());
    for item in items {
        encode(encoder, item);
    }
    encoder.close(group);
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encode(&mut encoder, value);
    encoder.as_bytes().to_vec()
}

fn same_multiset<T>(left: &[T], right: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    let mut rest: Vec<&T> = right.iter().collect();
    left.len() == right.len()
        && left.iter().all(|item| {
            let found = rest.iter().position(|other| same(item, other));
            found.map(|index| rest.swap_remove(index)).is_some()
        })
}

/// What "the same value" means, said without the encoder.
fn same(left: &Value, right: &Value) -> bool {
    let float = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    match (left, right) {
        (Value::None, Value::None) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => float(*a, *b),
        (Value::Complex(a, b), Value::Complex(c, d)) => float(*a, *c) && float(*b, *d),
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::Task(a), Value::Task(b)) => a == b,
        (Value::Back(a), Value::Back(b)) => a == b,
        (Value::Class(a, b), Value::Class(c, d)) => a == c && b == d,
        (Value::List(a), Value::List(b)) | (Value::Tuple(a), Value::Tuple(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Set(a), Value::Set(b)) => same_multiset(a, b, same),
        (Value::Dict(a), Value::Dict(b)) => same_multiset(a, b, |a, b| same(&a.0, &b.0) && same(&a.1, &b.1)),
        (Value::Replaced(a), Value::Replaced(b)) => same(a, b),
        _ => false,
    }
}

/// Few different leaves, so that equal and almost equal values are met often.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        (-2_i64..3).prop_map(Value::Int),
        any::<i64>().prop_map(Value::Int),
        prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(f64::NAN), Just(-f64::NAN)].prop_map(Value::Float),
        (Just(0.0), prop_oneof![Just(0.0), Just(1.0)]).prop_map(|(a, b)| Value::Complex(a, b)),
        "[ab]{0,3}".prop_map(Value::Str),
        prop::collection::vec(0_u8..3, 0..3).prop_map(Value::Bytes),
        prop::sample::select(vec![FOLD, FOLD + 1, 2 * FOLD]).prop_map(|size| Value::Bytes(vec![0; size])),
        (0_u8..2).prop_map(|byte| Value::Task([byte; 32])),
        (0_usize..300).prop_map(Value::Back),
        ("[ab]{0,2}", "[ab]{0,2}").prop_map(|(module, name)| Value::Class(module, name)),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Tuple),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Set),
            prop::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::Dict),
            inner.prop_map(|value| Value::Replaced(Box::new(value))),
        ]
    })
}

/// Encodes a value with gaps in place of its tasks, then fills them; how many there were, and the encoding.
fn filled(value: &Value) -> (usize, Vec<u8>) {
    fn tasks(value: &Value, found: &mut Vec<[u8; 32]>) {
        match value {
            Value::Task(key) => found.push(*key),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
                for item in items {
                    tasks(item, found);
                }
            }
            Value::Dict(pairs) => pairs.iter().for_each(|(key, value)| {
                tasks(key, found);
                tasks(value, found);
            }),
            _ => {}
        }
    }
    fn with_gaps(encoder: &mut Encoder, value: &Value) {
        match value {
            Value::Task(_) => encoder.gap(),
            Value::List(items) | Value::Tuple(items) => {
                let tag = if matches!(value, Value::List(_)) { Tag::List } else { Tag::Tuple };
                let group = encoder.open(tag, items.len());
                for item in items {
                    with_gaps(encoder, item);
                }
                encoder.close(group);
            }
            Value::Set(elements) => {
                let mut items = encoder.open_items(Tag::Set, elements.len());
                for element in elements {
                    encoder.item(&mut items);
                    with_gaps(encoder, element);
                }
                encoder.close_items(items);
            }
            Value::Dict(pairs) => {
                let mut items = encoder.open_items(Tag::Dict, pairs.len());
                for (key, value) in pairs {
                    encoder.item(&mut items);
                    with_gaps(encoder, key);
                    with_gaps(encoder, value);
                }
                encoder.close_items(items);
            }
            other => encode(encoder, other),
        }
    }
    let (mut encoder, mut found) = (Encoder::new(), Vec::new());
    with_gaps(&mut encoder, value);
    let template = encoder.take_template();
    tasks(value, &mut found);
    let mut contents = Encoder::new();
    let mut ends = Vec::new();
    for key in found {
        contents.task_key(&Key::new(key));
        ends.push(contents.len());
    }
    // What was encoded before it, in the same buffer, is left alone.
    encoder.singleton(Tag::None);
    encoder.fill(&template, contents.as_bytes(), &ends);
    assert_eq!(encoder.as_bytes()[0], Tag::None as u8);
    (template.nr_gaps(), encoder.as_bytes()[1..].to_vec())
}

proptest! {
    #[test]
    fn a_template_whose_gaps_are_filled_is_the_encoding(values in prop::collection::vec(values(), 0..40)) {
        let nested = Value::List(vec![Value::Set(values.clone()), Value::List(values.clone()), Value::Dict(
            values.iter().cloned().zip(values.iter().rev().cloned()).collect(),
        )]);
        prop_assert_eq!(filled(&nested).1, bytes_of(&nested));
    }

    #[test]
    fn encodings_are_equal_exactly_where_values_are(left in values(), right in values()) {
        prop_assert_eq!(bytes_of(&left) == bytes_of(&right), same(&left, &right));
    }

    #[test]
    fn no_encoding_is_the_beginning_of_another(left in values(), right in values()) {
        let (left_bytes, right_bytes) = (bytes_of(&left), bytes_of(&right));
        prop_assert!(!left_bytes.starts_with(&right_bytes) || same(&left, &right));
    }

    #[test]
    fn the_order_of_items_does_not_matter(pairs in prop::collection::vec((values(), values()), 0..6), turn in 0_usize..6) {
        let mut turned = pairs.clone();
        turned.rotate_left(turn.min(pairs.len()));
        prop_assert_eq!(bytes_of(&Value::Dict(pairs.clone())), bytes_of(&Value::Dict(turned.clone())));
        let keys = |pairs: Vec<(Value, Value)>| Value::Set(pairs.into_iter().map(|pair| pair.0).collect());
        prop_assert_eq!(bytes_of(&keys(pairs)), bytes_of(&keys(turned)));
    }

    #[test]
    fn an_int_has_one_encoding_however_many_bytes_it_is_given_in(int in any::<i64>(), extra in 0_usize..20) {
        let mut encoder = Encoder::new();
        encoder.int(int);
        let mut wide = int.to_le_bytes().to_vec();
        wide.resize(8 + extra, if int < 0 { 0xff } else { 0 });
        let mut other = Encoder::new();
        other.int_bytes(&wide);
        prop_assert_eq!(encoder.as_bytes(), other.as_bytes());
    }
}

#[test]
fn one_and_its_likes_are_different_values() {
    let likes = [
        Value::Int(1),
        Value::Bool(true),
        Value::Float(1.0),
        Value::Complex(1.0, 0.0),
        Value::Str("1".into()),
    ];
    for (index, left) in likes.iter().enumerate() {
        for right in &likes[index + 1..] {
            assert_ne!(bytes_of(left), bytes_of(right), "{left:?} {right:?}");
        }
    }
}

#[test]
fn there_is_one_nan_and_two_zeros() {
    assert_eq!(bytes_of(&Value::Float(f64::NAN)), bytes_of(&Value::Float(-f64::NAN)));
    assert_ne!(bytes_of(&Value::Float(0.0)), bytes_of(&Value::Float(-0.0)));
}

#[test]
fn a_long_group_takes_no_more_room_than_its_digest() {
    let long = Value::List((0..10_000).map(Value::Int).collect());
    let bytes = bytes_of(&long);
    assert_eq!(bytes.len(), 33);
    assert_eq!(bytes[0], Tag::Folded as u8);
}

#[test]
fn a_digest_does_not_depend_on_how_many_cores_or_pieces_made_it() {
    let bytes: Vec<u8> = (0..251_u8).cycle().take(3 * BULK + 17).collect();
    let expected = *blake3::hash(&bytes).as_bytes();
    assert_eq!(digest(&bytes), expected);
    let mut digester = Digester::new(bytes.len());
    bytes.chunks(BULK / 3).for_each(|piece| digester.update(piece));
    assert_eq!(digester.finish(), expected);
}

#[test]
fn the_bytes_of_an_encoding_never_change() {
    let value = Value::Tuple(vec![
        Value::Dict(vec![(Value::Str("b".into()), Value::Int(-129)), (Value::Str("a".into()), Value::None)]),
        Value::List(vec![Value::Float(1.5), Value::Bytes(vec![1, 2]), Value::Bool(true), Value::Int(0)]),
        Value::Class("m".into(), "C".into()),
        Value::Back(200),
    ]);
    let expected = [
        b"t\x04".as_slice(),
        b"D\x02s\x01aNs\x01bi\x02\x7f\xff",
        b"l\x04d\0\0\0\0\0\0\xf8\x3fb\x02\x01\x02Ti\0",
        b"C\x01m\x01C",
        b"^\xc8\x01",
    ];
    assert_eq!(bytes_of(&value), expected.concat());
}
