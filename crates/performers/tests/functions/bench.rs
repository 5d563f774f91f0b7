//! What one warm invocation costs. The bound is loose, because a test must pass on a busy machine; the figure is
//! printed with `--nocapture`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use trackway_performers::function::{Invocation, Outcome};

use crate::house::House;

const CALLS: usize = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warm_invocation_is_quick() {
    let house = House::python("def handler(event, context):\n    return event\n").await;
    let invocation = Invocation {
        name: "hello".into(),
        payload: Bytes::from_static(b"{}"),
        ..Invocation::default()
    };
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        let outcome = house.host.invoke(invocation.clone()).await;
        assert!(matches!(outcome, Outcome::Success(_)));
        times.push(begun.elapsed());
    }
    let cold = times[0];
    times.sort();
    let (median, slow) = (times[CALLS / 2], times[CALLS * 99 / 100]);
    eprintln!("warm invocation: median {median:?}, 99th of 100 {slow:?}; first {cold:?}");
    assert!(median < Duration::from_millis(20), "{median:?}");
}
