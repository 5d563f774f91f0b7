//! Any text as a definition: reading never panics, and what is accepted is whole.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trackway_asl::definition::{MachineType, Next, parse, to_aws_message};

fuzz_target!(|text: &str| {
    for machine in [MachineType::Standard, MachineType::Express] {
        match parse(text, machine) {
            Ok(definition) => {
                assert!(
                    definition.state(definition.root.start_at).is_some(),
                    "it starts somewhere"
                );
                for state in &definition.states {
                    let Next::State(next) = state.next else { continue };
                    assert!(definition.state(next).is_some(), "every state leads somewhere");
                }
            }
            Err(found) => {
                assert!(!found.is_empty(), "a refusal says why");
                assert!(!to_aws_message(&found).is_empty());
            }
        }
    }
});
