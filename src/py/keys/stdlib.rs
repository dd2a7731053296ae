//! Value types of the standard library, each encoded by what it means rather than by how this version of
//! Python pickles it.

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyComplex, PyDict, PyTuple};

use super::task_policy::noun_of;
use super::walk::{Fields, Walk};
use crate::hash::Tag;
use crate::py::containers::pairs;
use crate::py::unkeyable::{Located, Misplaced, Walked};

const TIME: [&str; 6] = ["hour", "minute", "second", "microsecond", "fold", "tzinfo"];

static FIELDS: [Fields; 7] = [
    row("datetime", "date", "datetime.date", &["year", "month", "day"]),
    row("datetime", "time", "datetime.time", &TIME),
    row(
        "datetime",
        "datetime",
        "datetime.datetime",
        &["year", "month", "day", TIME[0], TIME[1], TIME[2], TIME[3], TIME[4], TIME[5]],
    ),
    row("datetime", "timedelta", "datetime.timedelta", &["days", "seconds", "microseconds"]),
    row("fractions", "Fraction", "fractions.Fraction", &["numerator", "denominator"]),
    row("builtins", "range", "range", &["start", "stop", "step"]),
    row("re", "Pattern", "re.Pattern", &["pattern", "flags"]),
];

const fn row(
    module: &'static str,
    qualname: &'static str,
    name: &'static str,
    attributes: &'static [&'static str],
) -> Fields {
    Fields { module, qualname, name, attributes }
}

/// The attributes that make a value of this type, if they do.
pub(super) fn fields_of(module: &str, qualname: &str) -> Option<&'static Fields> {
    FIELDS.iter().find(|row| row.qualname == qualname && row.module == module)
}

impl<'py> Walk<'py> {
    pub(super) fn fields(&mut self, fields: &Fields, object: &Bound<'py, PyAny>) -> Walked<()> {
        let values =
            fields.attributes.iter().map(|name| object.getattr(*name)).collect::<PyResult<Vec<_>>>()?;
        self.record(object, fields.name, &values)
    }

    /// A value of a known type: its name in the key format and its fields.
    pub(super) fn record(
        &mut self,
        object: &Bound<'py, PyAny>,
        name: &str,
        fields: &[Bound<'py, PyAny>],
    ) -> Walked<()> {
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Value, fields.len());
            walk.encoder.content(name.as_bytes());
            fields.iter().try_for_each(|field| walk.value(field))?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    pub(super) fn slice(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = ["start", "stop", "step"].map(|name| object.getattr(name));
        let fields = fields.into_iter().collect::<PyResult<Vec<_>>>()?;
        self.record(object, "slice", &fields)
    }

    /// A known type that holds one group of values, written by `body`.
    fn wrapped(
        &mut self,
        object: &Bound<'py, PyAny>,
        name: &str,
        body: impl FnOnce(&mut Walk<'py>) -> Walked<()>,
    ) -> Walked<()> {
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Value, 1);
            walk.encoder.content(name.as_bytes());
            body(walk)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    // The handlers share one signature, whether they can fail or not.
    #[expect(clippy::unnecessary_wraps, reason = "one signature for all handlers of a type")]
    pub(super) fn singleton(&mut self, tag: Tag) -> Walked<()> {
        self.encoder.singleton(tag);
        Ok(())
    }

    pub(super) fn complex(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let complex = object.cast::<PyComplex>().map_err(PyErr::from)?;
        self.encoder.complex(complex.real(), complex.imag());
        Ok(())
    }

    pub(super) fn bytearray(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let bytes = object.cast::<PyByteArray>().map_err(PyErr::from)?.to_vec();
        self.content(Tag::ByteArray, &bytes);
        Ok(())
    }

    pub(super) fn memoryview(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = [object.getattr("format")?, object.getattr("shape")?, object.call_method0("tobytes")?];
        self.record(object, "memoryview", &fields)
    }

    pub(super) fn mapping_proxy(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let copy = object.call_method0("copy")?;
        self.record(object, "types.MappingProxyType", &[copy])
    }

    /// An UUID; also whether it was made safely, where that is known.
    pub(super) fn uuid(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let mut fields = vec![object.getattr("int")?];
        let safe = object.getattr("is_safe")?.getattr("value")?;
        if !safe.is_none() && !self.as_before() {
            fields.push(safe);
        }
        self.record(object, "uuid.UUID", &fields)
    }

    /// `list[int]`, or `*tuple[int]`.
    pub(super) fn generic_alias(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let mut fields = vec![object.getattr("__origin__")?, object.getattr("__args__")?];
        let unpacked = object.getattr("__unpacked__")?;
        if unpacked.is_truthy()? && !self.as_before() {
            fields.push(unpacked);
        }
        self.record(object, "types.GenericAlias", &fields)
    }

    pub(super) fn ordered_dict(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let pairs = pairs(&object.call_method0("items")?)?;
        let attributes = self.attributes(object)?;
        if !attributes.is_none() && !self.as_before() {
            return self.level(object, |walk| {
                let group = walk.encoder.open(Tag::Value, 2);
                walk.encoder.content(b"collections.OrderedDict");
                walk.ordered_dict_body(&pairs)?;
                walk.refusing_tasks(|| noun_of(object), |walk| walk.value(&attributes))?;
                walk.encoder.close(group);
                Ok(())
            });
        }
        self.wrapped(object, "collections.OrderedDict", |walk| walk.ordered_dict_body(&pairs))
    }

    pub(super) fn counter(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let dict = object.cast::<PyDict>().map_err(PyErr::from)?;
        self.wrapped(object, "collections.Counter", |walk| walk.dict_body(dict))
    }

    pub(super) fn defaultdict(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let factory = object.getattr("default_factory")?;
        let dict = object.cast::<PyDict>().map_err(PyErr::from)?;
        self.level(object, |walk| {
            let group = walk.encoder.open(Tag::Value, 2);
            walk.encoder.content(b"collections.defaultdict");
            walk.value(&factory)?;
            walk.dict_body(dict)?;
            walk.encoder.close(group);
            Ok(())
        })
    }

    pub(super) fn deque(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let items = PyTuple::new(self.py, object.try_iter()?.collect::<PyResult<Vec<_>>>()?)?;
        self.record(object, "collections.deque", &[items.into_any(), object.getattr("maxlen")?])
    }

    pub(super) fn partial(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = ["func", "args", "keywords"].map(|name| object.getattr(name));
        let mut fields = fields.into_iter().collect::<PyResult<Vec<_>>>()?;
        // To ask for `__dict__` makes one, and that changes the pickle.
        let attributes = object.call_method0("__reduce__")?.get_item(2)?.get_item(3)?;
        fields.push(if attributes.is_none() { PyDict::new(self.py).into_any() } else { attributes });
        self.record(object, "functools.partial", &fields)
    }

    pub(super) fn namespace(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let attributes = object.getattr("__dict__")?;
        self.record(object, "types.SimpleNamespace", &[attributes]).located(Misplaced::at_attribute)
    }

    pub(super) fn array_array(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let contents = if cfg!(target_endian = "big") {
            let copy = object.get_item(pyo3::types::PySlice::full(self.py))?;
            copy.call_method0("byteswap")?;
            copy
        } else {
            object.clone()
        };
        let fields = [object.getattr("typecode")?, contents.call_method0("tobytes")?];
        self.record(object, "array.array", &fields)
    }

    pub(super) fn timezone(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        // The offset, and the name if one was given.
        let given = object.call_method0("__getinitargs__")?;
        self.record(object, "datetime.timezone", &[given])
    }

    pub(super) fn zoneinfo(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let key = object.getattr("key")?;
        if key.is_none() {
            return self
                .refuse("a ZoneInfo that was read from a file without a key", "pass key= to from_file");
        }
        self.record(object, "zoneinfo.ZoneInfo", &[key])
    }

    /// By sign, digits and exponent: its text depends on the decimal context.
    pub(super) fn decimal(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let parts = object.call_method0("as_tuple")?;
        let digits: Vec<u8> =
            parts.get_item(1)?.extract::<Vec<u8>>()?.iter().map(|digit| b'0' + digit).collect();
        let digits = PyBytes::new(self.py, &digits).into_any();
        self.record(object, "decimal.Decimal", &[parts.get_item(0)?, digits, parts.get_item(2)?])
    }

    pub(super) fn path(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let name = format!("pathlib.{}", object.get_type().qualname()?);
        let text = object.str()?.into_any();
        self.record(object, &name, &[text])
    }

    pub(super) fn path_subclass(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let text = object.str()?.into_any();
        let attributes = self.attributes_and_slots(object, "pathlib")?;
        self.subclass(object, |walk| {
            walk.value(&text)?;
            walk.value(&attributes)
        })
    }

    /// A member by its class, its name, and its value if that has a key, as it may be edited; a combination of
    /// flags that has no name by its value.
    pub(super) fn enum_member(&mut self, object: &Bound<'py, PyAny>) -> Walked<()> {
        let class = object.get_type().into_any();
        let name = object.getattr("_name_")?;
        let members = class.getattr("__members__")?;
        let known = !name.is_none() && members.contains(&name)? && members.get_item(&name)?.is(object);
        let value = object.getattr("_value_")?;
        if !known {
            return self.record(object, "enum.Flag", &[class, value]);
        }
        if self.as_before() {
            return self.record(object, "enum.Enum", &[class, name]);
        }
        self.level(object, |walk| {
            let start = walk.encoder.len();
            let group = walk.encoder.open(Tag::Value, 3);
            walk.encoder.content(b"enum.Enum");
            walk.value(&class)?;
            walk.value(&name)?;
            if walk.if_keyable(&value)? {
                walk.encoder.close(group);
                return Ok(());
            }
            walk.encoder.truncate(start);
            let group = walk.encoder.open(Tag::Value, 2);
            walk.encoder.content(b"enum.Enum");
            walk.value(&class)?;
            walk.value(&name)?;
            walk.encoder.close(group);
            Ok(())
        })
    }
}
