//! Rules of conditions. LambdaInvoke is [`crate::invoke::lambda`].

pub(crate) mod alarm;
