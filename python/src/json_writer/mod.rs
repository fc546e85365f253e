//! Writes lists of dicts as JSON text: as `json.dumps` does without spaces and with `ensure_ascii=False`. It checks no rule of the
//! protocol; the engine reads the text.

mod dict_members;
mod error;

use pyo3::{
    PyTypeInfo,
    exceptions::PyTypeError,
    intern,
    prelude::*,
    types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple},
};
use setpoint::{json::Text, limits::MAX_DEPTH};

use crate::float;
use error::WriteError;

/// Values for the fields that an item does not have, or has as `None` or `""`.
#[derive(Default)]
pub(crate) struct Fill<'py> {
    /// Field names and values.
    pub(crate) fields: Vec<(Bound<'py, PyString>, Bound<'py, PyAny>)>,
    /// Makes request ids.
    pub(crate) request_id: Option<NewRequestId<'py>>,
}

pub(crate) type NewRequestId<'py> = Box<dyn FnMut() -> PyResult<String> + 'py>;

/// Writes the body of a batch with these items.
pub(crate) fn batch<'py>(items: &Bound<'py, PyAny>, fill: &mut Fill<'py>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new(br#"{"data":["#, items.len().unwrap_or_default().saturating_mul(ITEM_BYTES));
    let written = if let Ok(list) = items.cast::<PyList>() {
        writer.items(list.iter(), fill)
    } else if let Ok(tuple) = items.cast::<PyTuple>() {
        writer.items(tuple.iter(), fill)
    } else {
        let found = type_name(items);
        let expected = "a batch is bytes, bytearray, memoryview, str, or a list of dict, InvokeItem or WriteItem";
        return Err(PyTypeError::new_err(format!("{expected}, not {found}")));
    };
    written.map_err(|error| error.raise(items.py()))?;
    writer.out.extend_from_slice(b"]}");
    Ok(writer.out)
}

/// Writes any value.
pub(crate) fn value(given: &Bound<'_, PyAny>) -> PyResult<Vec<u8>> {
    let mut writer = Writer::new(b"", 0);
    writer.is_careful = true;
    writer.value(given, 0).map_err(|error| error.raise(given.py()))?;
    Ok(writer.out)
}

/// Capacity reserved for each item, in bytes; the published samples have 315.
const ITEM_BYTES: usize = 384;
/// Most capacity reserved at first, in bytes.
const MOST_ROOM: usize = 8 << 20;
/// Most keys of an item that are cached.
const MOST_KEYS: usize = 64;

struct Writer<'py> {
    out: Vec<u8>,
    /// Whether code of the caller's may run. It may change any dict, so members are then copied before they are written.
    is_careful: bool,
    /// Cache of keys as JSON text, by their place in the item. Dicts made by one line of code share their key objects, so the next item
    /// mostly has the same object at the same place.
    keys: Vec<Key<'py>>,
    place: usize,
}

/// A key as JSON text, with its colon.
struct Key<'py> {
    key: Bound<'py, PyString>,
    /// Copied as a whole and then truncated: a copy of fixed size costs less than one of the exact length.
    text: [u8; KEY_BYTES],
    len: usize,
}

/// Longer keys are not cached; bytes with quotes and colon.
const KEY_BYTES: usize = 48;

type Written<T = ()> = Result<T, Box<WriteError>>;

impl<'py> Writer<'py> {
    fn new(start: &[u8], expected: usize) -> Self {
        let mut out = Vec::with_capacity(start.len() + expected.min(MOST_ROOM));
        out.extend_from_slice(start);
        Self { out, is_careful: false, keys: Vec::new(), place: 0 }
    }

    fn items(&mut self, items: impl Iterator<Item = Bound<'py, PyAny>>, fill: &mut Fill<'py>) -> Written {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.item(&item, fill).map_err(|error| error.inside_index(index))?;
        }
        Ok(())
    }

    fn item(&mut self, item: &Bound<'py, PyAny>, fill: &mut Fill<'py>) -> Written {
        let Some(dict) = as_dict(item)? else { return self.carefully(|writer| writer.value(item, 0)) };
        let missing = missing(&dict, fill)?;
        self.carefully(|writer| {
            writer.out.push(b'{');
            for (key, value) in &missing {
                writer.member(key, value, 1)?;
            }
            writer.members(&dict, 1, &missing)?;
            writer.out.push(b'}');
            Ok(())
        })
    }

    /// Writes in one fast pass that runs no code of the caller's. If that fails, writes again with care, which also finds out what is
    /// wrong.
    fn carefully(&mut self, write: impl Fn(&mut Self) -> Written) -> Written {
        let start = self.out.len();
        if !cfg!(Py_GIL_DISABLED) {
            self.place = 0;
            if write(self).is_ok() {
                return Ok(());
            }
            self.out.truncate(start);
        }
        self.is_careful = true;
        let written = write(self);
        self.is_careful = false;
        written
    }

    // The recursive functions keep their stack frames small: 1,024 levels have to fit into the 512 KiB that some systems give to
    // threads.
    #[allow(unsafe_code, reason = "to count no references, as most of an item is its members")]
    fn members(&mut self, dict: &Bound<'py, PyDict>, depth: usize, left_out: &[Missing<'py>]) -> Written {
        if self.is_careful {
            let members = copied(dict)?;
            members.iter().try_for_each(|(key, value)| self.member_unless(left_out, key, value, depth))
        } else if exact::<PyDict>(dict).is_some() {
            // SAFETY: the fast pass runs no code of the caller's and makes no object that the collector tracks; where it would have to,
            // it returns `NeedsCare`, after which nothing uses the key or the value.
            unsafe { dict_members::for_each(dict, |key, value| self.member_unless(left_out, key, value, depth)) }
        } else {
            Err(WriteError::needs_care())
        }
    }

    fn member_unless(
        &mut self,
        left_out: &[Missing<'py>],
        key: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        depth: usize,
    ) -> Written {
        let Some(key) = exact(key).or_else(|| self.derived_text(key)) else { return Err(self.no_text(key)) };
        if !left_out.is_empty() {
            let Ok(text) = key.to_str() else { return Err(self.no_characters(key)) };
            if left_out.iter().any(|(name, _)| name.to_str().is_ok_and(|name| name == text)) {
                return Ok(());
            }
        }
        self.member(key, value, depth)
    }

    fn member(&mut self, key: &Bound<'py, PyString>, value: &Bound<'py, PyAny>, depth: usize) -> Written {
        self.separate(b'{');
        self.key(key)?;
        self.value(value, depth).map_err(|error| error.inside_key(key))
    }

    fn key(&mut self, key: &Bound<'py, PyString>) -> Written {
        let place = self.place;
        self.place += 1;
        if let Some(known) = self.keys.get(place)
            && known.key.is(key)
        {
            self.out.extend_from_slice(&known.text);
            self.out.truncate(self.out.len() - (KEY_BYTES - known.len));
            return Ok(());
        }
        self.new_key(key, place)
    }

    #[inline(never)]
    fn new_key(&mut self, key: &Bound<'py, PyString>, place: usize) -> Written {
        let start = self.out.len();
        self.text(key)?;
        self.out.push(b':');
        if self.is_careful {
            return Ok(());
        }
        let written = self.out.get(start..).unwrap_or_default();
        let mut text = [0; KEY_BYTES];
        if let Some(room) = text.get_mut(..written.len()) {
            room.copy_from_slice(written);
            let key = Key { key: key.clone(), text, len: written.len() };
            if let Some(known) = self.keys.get_mut(place) {
                *known = key;
            } else if place == self.keys.len() && place < MOST_KEYS {
                self.keys.push(key);
            }
        }
        Ok(())
    }

    /// Writes a value; `depth` is the number of objects and arrays around it.
    fn value(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> Written {
        // Nearly every value is of one of these exact types, which costs one comparison of pointers.
        if let Some(text) = exact::<PyString>(value) {
            self.text(text)
        } else if let Some(number) = exact::<PyInt>(value) {
            self.integer(number)
        } else if let Some(dict) = exact::<PyDict>(value) {
            self.dict(dict, depth)
        } else if let Some(number) = exact::<PyFloat>(value) {
            self.float(number)
        } else if value.is_none() {
            self.out.extend_from_slice(b"null");
            Ok(())
        } else if let Some(flag) = exact::<PyBool>(value) {
            self.out.extend_from_slice(if flag.is_true() { b"true" } else { b"false" });
            Ok(())
        } else if let Some(list) = exact::<PyList>(value) {
            self.list(list.iter(), depth)
        } else {
            self.derived(value, depth)
        }
    }

    /// Tuples, and values of subclasses.
    #[inline(never)]
    fn derived(&mut self, value: &Bound<'py, PyAny>, depth: usize) -> Written {
        if let Ok(text) = value.cast::<PyString>() {
            self.text(text)
        } else if let Ok(number) = value.cast::<PyInt>() {
            self.integer(number)
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.dict(dict, depth)
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number)
        } else if let Ok(list) = value.cast::<PyList>() {
            self.list(list.iter(), depth)
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.list(tuple.iter(), depth)
        } else if self.is_careful {
            self.other(value)
        } else {
            Err(WriteError::needs_care())
        }
    }

    /// Objects with `__index__`, such as numpy's integers.
    #[inline(never)]
    fn other(&mut self, value: &Bound<'py, PyAny>) -> Written {
        let index = intern!(value.py(), "__index__");
        if value.hasattr(index)? {
            match value.call_method0(index) {
                Ok(number) => {
                    if let Ok(number) = number.cast::<PyInt>() {
                        return self.integer(number);
                    }
                }
                // numpy's arrays of more than one element raise it.
                Err(error) if error.is_instance_of::<PyTypeError>(value.py()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let found = type_name(value);
        Err(WriteError::not_json(format!("{found} is no JSON: make it str, int, float, bool, None, list or dict")))
    }

    fn dict(&mut self, dict: &Bound<'py, PyDict>, depth: usize) -> Written {
        check_depth(depth)?;
        self.out.push(b'{');
        self.members(dict, depth + 1, &[])?;
        self.out.push(b'}');
        Ok(())
    }

    fn list(&mut self, elements: impl Iterator<Item = Bound<'py, PyAny>>, depth: usize) -> Written {
        check_depth(depth)?;
        self.out.push(b'[');
        for (index, element) in elements.enumerate() {
            self.separate(b'[');
            self.value(&element, depth + 1).map_err(|error| error.inside_index(index))?;
        }
        self.out.push(b']');
        Ok(())
    }

    #[inline(never)]
    fn integer(&mut self, number: &Bound<'py, PyInt>) -> Written {
        match number.extract::<i64>() {
            Ok(number) => self.out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes()),
            Err(_) if !self.is_careful => return Err(WriteError::needs_care()),
            Err(_) => {
                // A subclass may say otherwise of itself.
                let digits = number.py().get_type::<PyInt>().call_method1(intern!(number.py(), "__repr__"), (number,));
                let digits = digits.map_err(|_| WriteError::not_json("the integer has too many digits".to_owned()))?;
                self.out.extend_from_slice(digits.cast::<PyString>().map_err(PyErr::from)?.to_str()?.as_bytes());
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn float(&mut self, number: &Bound<'py, PyFloat>) -> Written {
        let number = number.value();
        match float::write(&mut self.out, number) {
            true => Ok(()),
            false => Err(WriteError::not_json(format!("{number} is no JSON number: leave it out, or send None"))),
        }
    }

    fn text(&mut self, text: &Bound<'py, PyString>) -> Written {
        match text.to_str() {
            Ok(text) => {
                Text::plain(text).write(&mut self.out);
                Ok(())
            }
            Err(_) => Err(self.no_characters(text)),
        }
    }

    #[cold]
    fn no_characters(&self, text: &Bound<'py, PyString>) -> Box<WriteError> {
        if !self.is_careful {
            return WriteError::needs_care();
        }
        let text = repr(text.as_any());
        WriteError::not_json(format!("the text {text} holds a lone surrogate, which is no character"))
    }

    #[cold]
    fn derived_text<'a>(&self, key: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, PyString>> {
        if self.is_careful { key.cast().ok() } else { None }
    }

    #[cold]
    fn no_text(&self, key: &Bound<'py, PyAny>) -> Box<WriteError> {
        if self.is_careful {
            WriteError::not_json(format!("the key {} is no str", repr(key)))
        } else {
            WriteError::needs_care()
        }
    }

    /// A comma, unless the value is the first one after `open`.
    fn separate(&mut self, open: u8) {
        if self.out.last() != Some(&open) {
            self.out.push(b',');
        }
    }
}

/// The value, if it is of exactly this type and no subclass.
#[inline(always)]
fn exact<'a, 'py, T: PyTypeInfo>(value: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, T>> {
    // A cast that fails would build an error first.
    if value.is_exact_instance_of::<T>() { value.cast_exact().ok() } else { None }
}

type Missing<'py> = (Bound<'py, PyString>, Bound<'py, PyAny>);

/// The item as a dict, if it is one or has `__setpoint_item__`, as `InvokeItem` and `WriteItem` have.
fn as_dict<'py>(item: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyDict>>> {
    if let Some(dict) = exact(item).or_else(|| item.cast::<PyDict>().ok()) {
        return Ok(Some(dict.clone()));
    }
    let hook = intern!(item.py(), "__setpoint_item__");
    if !item.hasattr(hook)? {
        return Ok(None);
    }
    Ok(Some(item.call_method0(hook)?.cast_into::<PyDict>()?))
}

/// The fields of `fill` that the item lacks.
fn missing<'py>(item: &Bound<'py, PyDict>, fill: &mut Fill<'py>) -> PyResult<Vec<Missing<'py>>> {
    let lacks = |key: &Bound<'py, PyString>| -> PyResult<bool> {
        let Some(value) = item.get_item(key)? else { return Ok(true) };
        // A `str` with lone surrogates is not empty, and is refused when it is written.
        let is_empty = |text: &Bound<'_, PyString>| text.to_str().is_ok_and(str::is_empty);
        Ok(value.is_none() || exact(&value).or_else(|| value.cast().ok()).is_some_and(is_empty))
    };
    let mut missing = Vec::new();
    if let Some(make) = &mut fill.request_id {
        let key = intern!(item.py(), "requestId");
        if lacks(key)? {
            missing.push((key.clone(), PyString::new(item.py(), &make()?).into_any()));
        }
    }
    for (key, value) in &fill.fields {
        if lacks(key)? {
            missing.push((key.clone(), value.clone()));
        }
    }
    Ok(missing)
}

/// A copy of the members: code of the caller's may change the dict while they are written.
#[inline(never)]
fn copied<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
    if exact::<PyDict>(dict).is_some() {
        return Ok(dict.iter().collect());
    }
    // A subclass may have its own order.
    let items = dict.call_method0(intern!(dict.py(), "items"))?;
    items.try_iter()?.map(|member| member?.extract()).collect()
}

/// Refuses what is nested deeper than any reader takes, or within itself.
fn check_depth(depth: usize) -> Written {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(WriteError::not_json(format!("it is nested more than {MAX_DEPTH} deep, or within itself")))
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    value.get_type().fully_qualified_name().map_or_else(|_| "an object".to_owned(), |name| name.to_string())
}

fn repr(value: &Bound<'_, PyAny>) -> String {
    value.repr().map_or_else(|_| type_name(value), |repr| repr.to_string_lossy().into_owned())
}
