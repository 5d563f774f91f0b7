//! Scenarios of Step Functions.
