//! A failure report as the server keeps it: a JSON object.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde_json::value::RawValue;
use serde_pickle::Value;

use crate::result_store::Report;

/// The field with the name of the task.
const NAME: &str = "name";

/// The bytes of the report of a task with this name.
pub fn encode(report: &Report, name: &str) -> Vec<u8> {
    let fields = report.iter().map(|(field, value)| (field.as_str(), to_json(value)));
    let mut fields: BTreeMap<&str, serde_json::Value> = fields.collect();
    if !name.is_empty() {
        fields.insert(NAME, name.into());
    }
    // Texts, numbers and flags under names that are texts always are JSON.
    serde_json::to_vec(&fields).unwrap_or_default()
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::None => serde_json::Value::Null,
        Value::Bool(flag) => (*flag).into(),
        Value::I64(number) => (*number).into(),
        Value::F64(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// The report in these bytes; an empty one where they are none.
pub fn decode(bytes: &[u8]) -> Report {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).unwrap_or_default();
    fields.into_iter().map(|(field, value)| (field, from_json(value.get()))).collect()
}

/// A value; what is no text, number or flag is its JSON.
fn from_json(json: &str) -> Value {
    if let Ok(Text(text)) = serde_json::from_str(json) {
        return Value::String(text);
    }
    match serde_json::from_str(json) {
        Ok(serde_json::Value::Null) => Value::None,
        Ok(serde_json::Value::Bool(flag)) => Value::Bool(flag),
        Ok(serde_json::Value::Number(number)) => match number.as_i64() {
            Some(number) => Value::I64(number),
            None => Value::F64(number.as_f64().unwrap_or_default()),
        },
        _ => Value::String(json.to_owned()),
    }
}

/// A text in which there may be surrogates without their other half, as Python has and writes them.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
        struct Lossy;

        impl Visitor<'_> for Lossy {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Text, E> {
                Ok(Text(String::from_utf8_lossy(bytes).into_owned()))
            }
        }

        deserializer.deserialize_bytes(Lossy)
    }
}
