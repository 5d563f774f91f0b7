//! Functions on arrays.

use serde_json::Value;

use super::RANGE_LENGTH_MAX;
use super::error::IntrinsicError;
use super::function::Function;

/// `States.ArrayPartition`; the last part may be shorter.
pub(super) fn partition(list: &[Value], size: i64) -> Result<Value, IntrinsicError> {
    match usize::try_from(size) {
        Ok(size @ 1..) => Ok(list.chunks(size).map(|part| Value::Array(part.to_vec())).collect()),
        _ => Err(Function::ArrayPartition.refuse("")),
    }
}

/// `States.ArrayRange`, with its end where a step lands on it.
pub(super) fn range(start: i64, end: i64, step: i64) -> Result<Value, IntrinsicError> {
    let refuse = || Function::ArrayRange.refuse("");
    if step == 0 {
        return Err(refuse());
    }
    let (start, end, step) = (i128::from(start), i128::from(end), i128::from(step));
    let last = (end - start) / step;
    if (end - start).signum() * step.signum() < 0 {
        return Ok(Value::Array(Vec::new()));
    }
    if last >= RANGE_LENGTH_MAX as i128 {
        return Err(refuse());
    }
    // Every element lies between the bounds, which are 64-bit.
    Ok((0..=last).filter_map(|n| i64::try_from(start + n * step).ok()).collect())
}

/// `States.ArrayGetItem`. An empty array gives `null` for any index from zero up, as on AWS.
pub(super) fn item(list: &[Value], index: i64) -> Result<Value, IntrinsicError> {
    let index = usize::try_from(index).map_err(|_| Function::ArrayGetItem.refuse(""))?;
    match list.get(index) {
        Some(item) => Ok(item.clone()),
        None if list.is_empty() => Ok(Value::Null),
        None => Err(Function::ArrayGetItem.refuse("")),
    }
}

/// `States.ArrayUnique`, in the order of a Java `HashSet`, which is what AWS answers:
/// `[true, false]` becomes `[false, true]`.
pub(super) fn unique(list: &[Value]) -> Value {
    let mut seen: Vec<(i32, &Value)> = Vec::new();
    let mut buckets: Vec<Vec<usize>> = vec![Vec::new(); 16];
    for value in list {
        let hash = spread(java_hash(value));
        let slot = slot(hash, buckets.len());
        if buckets[slot].iter().any(|at| seen[*at].0 == hash && java_equal(seen[*at].1, value)) {
            continue;
        }
        buckets[slot].push(seen.len());
        seen.push((hash, value));
        if seen.len() * 4 > buckets.len() * 3 {
            buckets = grown(&seen, buckets.len() * 2);
        }
    }
    buckets.iter().flatten().map(|at| seen[*at].1.clone()).collect()
}

/// Puts every value into twice as many buckets; those that share one keep their order.
fn grown(seen: &[(i32, &Value)], size: usize) -> Vec<Vec<usize>> {
    let mut buckets = vec![Vec::new(); size];
    for (at, (hash, _)) in seen.iter().enumerate() {
        buckets[slot(*hash, size)].push(at);
    }
    buckets
}

/// The bucket of a hash; `size` is a power of two.
fn slot(hash: i32, size: usize) -> usize {
    hash as u32 as usize & (size - 1)
}

/// `HashMap`'s mixing of the high bits into the low ones.
fn spread(hash: i32) -> i32 {
    hash ^ ((hash as u32) >> 16) as i32
}

fn java_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        // A whole double is written without its fraction in JSON that AWS reads as an integer.
        (Value::Number(left), Value::Number(right)) => {
            left == right || left.as_f64() == right.as_f64()
        }
        (left, right) => left == right,
    }
}

/// `Object.hashCode` of the Java value that AWS reads from the JSON.
fn java_hash(value: &Value) -> i32 {
    let fold = |bits: u64| (bits ^ (bits >> 32)) as i32;
    let text = |text: &str| {
        text.encode_utf16().fold(0_i32, |h, unit| h.wrapping_mul(31).wrapping_add(i32::from(unit)))
    };
    match value {
        Value::Null => 0,
        Value::Bool(true) => 1231,
        Value::Bool(false) => 1237,
        Value::Number(number) => match number.as_i64().or_else(|| whole(number.as_f64())) {
            Some(whole) => i32::try_from(whole).unwrap_or_else(|_| fold(whole as u64)),
            None => fold(number.as_f64().unwrap_or_default().to_bits()),
        },
        Value::String(value) => text(value),
        Value::Array(elements) => elements
            .iter()
            .fold(1_i32, |h, element| h.wrapping_mul(31).wrapping_add(java_hash(element))),
        Value::Object(members) => members
            .iter()
            .fold(0_i32, |h, (name, value)| h.wrapping_add(text(name) ^ java_hash(value))),
    }
}

/// A double without fraction, within the integers it holds exactly.
fn whole(number: Option<f64>) -> Option<i64> {
    let exact = |number: &f64| number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    number.filter(exact).map(|number| number as i64)
}
