//! Rules of conditions. LambdaInvoke is [`crate::invoke::lambda`]; CodeBuild and Commands are those of
//! [`crate::build`]. VariableCheck and DeploymentWindow are the machine's own.

pub(crate) mod alarm;
