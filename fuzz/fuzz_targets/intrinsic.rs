//! Any text as a call: parsing and evaluating never panic, and give the same value twice.

#![no_main]

use std::borrow::Cow;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use trackway_asl::intrinsic::{Call, Env};
use trackway_asl::jsonpath::{EvalError, Path};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    json!({
        "n": 2, "f": -2.5, "s": "a,b", "j": "{\"k\":[1]}", "l": [1, 1.0, "1", null, true, [1]],
        "o": {"a": 1}, "e": [], "x": null,
    })
});

struct Documents {
    drawn: u64,
}

impl Env<'static> for Documents {
    fn resolve(&mut self, path: &Path) -> Result<Cow<'static, Value>, EvalError> {
        path.evaluate(&DOCUMENT)
    }

    fn uuid(&mut self) -> String {
        format!("{:032x}", self.random())
    }

    fn random(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.drawn
    }
}

fuzz_target!(|text: &str| {
    let Ok(call) = Call::parse(text) else { return };
    let paths = call.paths().count();
    let first = call.evaluate(&mut Documents { drawn: 0 });
    assert_eq!(first, call.evaluate(&mut Documents { drawn: 0 }));
    // The source is trimmed; it compiles to the same call.
    let again = Call::parse(call.source()).map(|call| call.paths().count());
    assert_eq!(again, Ok(paths));
    if let Err(error) = first {
        assert!(!error.cause(text, &DOCUMENT).is_empty());
    }
});
