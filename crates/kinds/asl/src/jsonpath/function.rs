//! The functions at the end of a path: `.length()`, `.sum()`, `.concat($.b)` and so on.

use serde_json::{Number, Value};

use super::error::EvalError;
use super::evaluate::{Missing, Search};
use super::path::Tokens;

/// A function in a path.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<Argument>,
}

/// An argument of a function.
#[derive(Debug, Clone)]
pub(super) enum Argument {
    /// Read from the document, whatever the function is applied to.
    Path(Tokens),
    Literal(Value),
}

impl Call {
    /// Applies the function to `value`.
    pub(super) fn invoke(&self, search: &Search<'_>, value: &Value) -> Result<Value, EvalError> {
        search.charge_copy(value)?;
        let arguments = self.arguments(search)?;
        match self.name.as_str() {
            "length" | "size" => Ok(length(arguments.first().unwrap_or(value))),
            "keys" => Ok(keys(value)),
            "sum" => aggregate(value, &arguments, |numbers| numbers.iter().sum()),
            "avg" => aggregate(value, &arguments, mean),
            "stddev" => aggregate(value, &arguments, deviation),
            "min" => aggregate(value, &arguments, |n| n.iter().copied().fold(f64::MAX, f64::min)),
            "max" => aggregate(value, &arguments, |n| n.iter().copied().fold(f64::MIN, f64::max)),
            "concat" => Ok(concat(value, &arguments)),
            "append" => Ok(append(value, arguments)),
            "first" => nth(value, 0),
            "last" => nth(value, -1),
            "index" => match arguments.iter().find_map(Value::as_f64) {
                Some(index) => nth(value, index as i64),
                None => Err(EvalError::Invalid("Function index needs a number".to_owned())),
            },
            name => Err(EvalError::Invalid(format!("Function with name: {name} does not exist."))),
        }
    }

    fn arguments(&self, search: &Search<'_>) -> Result<Vec<Value>, EvalError> {
        let read = |argument: &Argument| match argument {
            Argument::Literal(value) => Ok(value.clone()),
            Argument::Path(tokens) => {
                let value = search.value(tokens, search.document, Missing::Skip)?;
                search.charge_copy(&value)?;
                Ok(value.into_owned())
            }
        };
        self.arguments.iter().map(read).collect()
    }
}

fn length(value: &Value) -> Value {
    match value {
        Value::Array(elements) => Value::from(elements.len()),
        Value::Object(members) => Value::from(members.len()),
        _ => Value::Null,
    }
}

fn keys(value: &Value) -> Value {
    match value {
        Value::Object(members) => members.keys().cloned().map(Value::String).collect(),
        _ => Value::Null,
    }
}

/// Applies `function` to the numbers of the array and of the arguments.
fn aggregate(
    value: &Value,
    arguments: &[Value],
    function: fn(&[f64]) -> f64,
) -> Result<Value, EvalError> {
    let own = value.as_array().map(Vec::as_slice).unwrap_or_default();
    let given = arguments.iter().flat_map(|argument| match argument {
        Value::Array(elements) => elements.as_slice(),
        other => std::slice::from_ref(other),
    });
    let numbers: Vec<f64> = own.iter().chain(given).filter_map(Value::as_f64).collect();
    if numbers.is_empty() {
        let text = "Aggregation function attempted to calculate value using empty array";
        return Err(EvalError::Invalid(text.to_owned()));
    }
    Ok(Number::from_f64(function(&numbers)).map_or(Value::Null, Value::Number))
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

fn deviation(numbers: &[f64]) -> f64 {
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let squares: f64 = numbers.iter().map(|n| n * n).sum();
    (squares / count - sum * sum / count / count).max(0.0).sqrt()
}

/// Joins the texts of the array, then the arguments, which are turned into text.
fn concat(value: &Value, arguments: &[Value]) -> Value {
    let mut text = String::new();
    for element in value.as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(element);
    }
    let mut add = |value: &Value| match value {
        Value::Null => {}
        Value::String(part) => text.push_str(part),
        other => text.push_str(&other.to_string()),
    };
    for argument in arguments {
        match argument {
            Value::Array(elements) => elements.iter().for_each(&mut add),
            other => add(other),
        }
    }
    Value::String(text)
}

fn append(value: &Value, arguments: Vec<Value>) -> Value {
    let mut value = value.clone();
    if let Value::Array(elements) = &mut value {
        elements.extend(arguments);
    }
    value
}

fn nth(value: &Value, index: i64) -> Result<Value, EvalError> {
    let Value::Array(elements) = value else {
        let text = "Aggregation function attempted to calculate value using empty array";
        return Err(EvalError::Invalid(text.to_owned()));
    };
    let at = if index < 0 { index + elements.len() as i64 } else { index };
    let element = usize::try_from(at).ok().and_then(|at| elements.get(at));
    element.cloned().ok_or_else(|| {
        EvalError::Invalid(format!(
            "Target index:{index} larger than object count:{}",
            elements.len()
        ))
    })
}
