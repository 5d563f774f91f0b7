//! The functions by name.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::call::Env;
use super::error::IntrinsicError;
use super::{array, random, text};

/// One of the eighteen intrinsic functions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `States.Format(template, values…)`
    Format,
    /// `States.StringToJson(text)`
    StringToJson,
    /// `States.JsonToString(value)`
    JsonToString,
    /// `States.Array(values…)`
    Array,
    /// `States.ArrayPartition(array, size)`
    ArrayPartition,
    /// `States.ArrayContains(array, value)`
    ArrayContains,
    /// `States.ArrayRange(start, end, step)`
    ArrayRange,
    /// `States.ArrayGetItem(array, index)`
    ArrayGetItem,
    /// `States.ArrayLength(array)`
    ArrayLength,
    /// `States.ArrayUnique(array)`
    ArrayUnique,
    /// `States.Base64Encode(text)`
    Base64Encode,
    /// `States.Base64Decode(text)`
    Base64Decode,
    /// `States.Hash(value, algorithm)`
    Hash,
    /// `States.JsonMerge(left, right, false)`
    JsonMerge,
    /// `States.MathRandom(start, end[, seed])`
    MathRandom,
    /// `States.MathAdd(left, right)`
    MathAdd,
    /// `States.StringSplit(text, delimiters)`
    StringSplit,
    /// `States.UUID()`
    Uuid,
}

/// Every function with its name after `States.`.
const NAMES: [(&str, Function); 18] = [
    ("Format", Function::Format),
    ("StringToJson", Function::StringToJson),
    ("JsonToString", Function::JsonToString),
    ("Array", Function::Array),
    ("ArrayPartition", Function::ArrayPartition),
    ("ArrayContains", Function::ArrayContains),
    ("ArrayRange", Function::ArrayRange),
    ("ArrayGetItem", Function::ArrayGetItem),
    ("ArrayLength", Function::ArrayLength),
    ("ArrayUnique", Function::ArrayUnique),
    ("Base64Encode", Function::Base64Encode),
    ("Base64Decode", Function::Base64Decode),
    ("Hash", Function::Hash),
    ("JsonMerge", Function::JsonMerge),
    ("MathRandom", Function::MathRandom),
    ("MathAdd", Function::MathAdd),
    ("StringSplit", Function::StringSplit),
    ("UUID", Function::Uuid),
];

/// The values a function is given; literals and documents are borrowed.
pub(super) type Values<'a> = [Cow<'a, Value>];

impl Function {
    /// Finds a function by its name without `States.`.
    pub fn by_name(name: &str) -> Option<Function> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
    }

    /// Gives the name without `States.`.
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("", |(name, _)| name)
    }

    /// Makes the error for arguments that do not fit.
    pub(super) fn refuse(self, detail: &str) -> IntrinsicError {
        let detail =
            if detail.is_empty() { String::new() } else { format!(", caused by: {detail}") };
        IntrinsicError::Arguments { function: self, detail }
    }

    /// Applies the function; `States.Format` is told apart by its caller, which knows whether the
    /// template is a literal.
    pub(super) fn apply(
        self,
        values: &Values<'_>,
        env: &mut dyn Env<'_>,
    ) -> Result<Value, IntrinsicError> {
        use Function as F;
        match (self, values) {
            (F::Array, values) => Ok(values.iter().map(|v| v.as_ref().clone()).collect()),
            (F::Format, [template, values @ ..]) => text::format(self.text(template)?, values),
            (F::StringToJson, [value]) => text::parse(self.text(value)?),
            (F::JsonToString, [value]) => Ok(Value::String(value.to_string())),
            (F::ArrayPartition, [list, size]) => {
                array::partition(self.list(list)?, self.int(size)?)
            }
            (F::ArrayContains, [list, wanted]) => {
                Ok(Value::Bool(self.list(list)?.contains(wanted.as_ref())))
            }
            (F::ArrayRange, [start, end, step]) => {
                array::range(self.int(start)?, self.int(end)?, self.int(step)?)
            }
            (F::ArrayGetItem, [list, index]) => array::item(self.list(list)?, self.int(index)?),
            (F::ArrayLength, [list]) => Ok(Value::from(self.list(list)?.len())),
            (F::ArrayUnique, [list]) => Ok(array::unique(self.list(list)?)),
            (F::Base64Encode, [value]) => text::encode(self.text(value)?),
            (F::Base64Decode, [value]) => text::decode(self.text(value)?),
            (F::Hash, [value, algorithm]) => text::hash(value, self.text(algorithm)?),
            (F::JsonMerge, [left, right, deep]) => merge(left, right, deep),
            (F::MathAdd, [left, right]) => add(left, right),
            (F::MathRandom, [start, end]) => {
                random::between(self.int(start)?, self.int(end)?, env.random())
            }
            (F::MathRandom, [start, end, seed]) => {
                random::seeded(self.int(start)?, self.int(end)?, self.int(seed)?)
            }
            (F::StringSplit, [value, delimiters]) => {
                Ok(text::split(self.text(value)?, self.text(delimiters)?))
            }
            (F::Uuid, []) => Ok(Value::String(env.uuid())),
            _ => Err(self.refuse("")),
        }
    }

    fn text(self, value: &Value) -> Result<&str, IntrinsicError> {
        value.as_str().ok_or_else(|| self.refuse(""))
    }

    fn list(self, value: &Value) -> Result<&[Value], IntrinsicError> {
        value.as_array().map(Vec::as_slice).ok_or_else(|| self.refuse(""))
    }

    /// Reads a number as Java's `intValue` does: its fraction is cut.
    fn int(self, value: &Value) -> Result<i64, IntrinsicError> {
        let whole = value.as_i64().or_else(|| value.as_f64().map(|number| number as i64));
        whole.ok_or_else(|| self.refuse(""))
    }
}

impl std::fmt::Display for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "States.{}", self.name())
    }
}

/// Adds 32-bit numbers, each rounded half up first (Java's `Math.round`).
fn add(left: &Value, right: &Value) -> Result<Value, IntrinsicError> {
    let refuse = || Function::MathAdd.refuse("");
    let int = |value: &Value| {
        let whole = value.as_i64().or_else(|| value.as_f64().map(|n| (n + 0.5).floor() as i64));
        whole.and_then(|whole| i32::try_from(whole).ok()).ok_or_else(refuse)
    };
    let sum = int(left)?.checked_add(int(right)?).ok_or_else(refuse)?;
    Ok(Value::from(sum))
}

/// Merges the members of two objects, the right one winning. AWS has only the shallow mode, and
/// takes everything but `true` for it.
fn merge(left: &Value, right: &Value, deep: &Value) -> Result<Value, IntrinsicError> {
    let function = Function::JsonMerge;
    let object = |value: &Value| -> Result<Map<String, Value>, IntrinsicError> {
        value.as_object().cloned().ok_or_else(|| function.refuse(""))
    };
    let (mut left, right) = (object(left)?, object(right)?);
    if deep == &Value::Bool(true) {
        return Err(function.refuse("deep merging is not supported"));
    }
    left.extend(right);
    Ok(Value::Object(left))
}
