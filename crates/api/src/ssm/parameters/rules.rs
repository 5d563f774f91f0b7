//! What a parameter's name, value and settings must be.

use super::{Parameter, Tier, Type};
use crate::Caller;
use crate::ssm::refusal::{Code, Refusal, invalid};
use trackway_wire::pattern::Pattern;

/// Characters of a name, its prefix in an ARN included. Source: PutParameter's documentation.
const NAME_CHARS_MAX: usize = 1011;
/// Levels of a hierarchy. Source: the same.
const LEVELS_MAX: usize = 15;
/// Longest value of a standard parameter. Source: Systems Manager's quotas.
const STANDARD_BYTES_MAX: usize = 4096;
/// Longest value of an advanced parameter. Source: Systems Manager's quotas.
const ADVANCED_BYTES_MAX: usize = 8192;
/// What a parameter may be, beside text.
const DATA_TYPES: [&str; 3] = ["text", "aws:ec2:image", "aws:ssm:integration"];

/// Checks the name of a parameter that is to be written.
pub(super) fn check_name(caller: &Caller, name: &str) -> Result<(), Refusal> {
    let bare = name.trim_start_matches('/').to_lowercase();
    if bare.starts_with("aws") {
        let message = format!("No access to reserved parameter name: {name}.");
        return Err(Refusal::new(Code::AccessDeniedException, message));
    }
    if name.contains('/') && !name.starts_with('/') {
        return Err(invalid("Parameter name must be a fully qualified name."));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let parts = || name.strip_prefix('/').unwrap_or(name).split('/');
    if bare.starts_with("ssm") || parts().any(|part| part.is_empty() || !part.chars().all(allowed))
    {
        return Err(invalid(
            "Parameter name: can't be prefixed with \"ssm\" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_",
        ));
    }
    let arn = format!("arn:aws:ssm:{}:{}:parameter/{bare}", caller.region, caller.account);
    if arn.len() > NAME_CHARS_MAX {
        return Err(invalid(format!(
            "Parameter name is too long: with its ARN it has {} characters, and {NAME_CHARS_MAX} are allowed.",
            arn.len()
        )));
    }
    if parts().count() > LEVELS_MAX {
        let message = format!(
            "A parameter hierarchy can have at most {LEVELS_MAX} levels: {name} has {}.",
            parts().count()
        );
        return Err(Refusal::new(Code::HierarchyLevelLimitExceededException, message));
    }
    Ok(())
}

/// Checks a version that is to be written; gives the tier that it is kept in.
pub(super) fn check(parameter: &Parameter) -> Result<Tier, Refusal> {
    let value = &parameter.value;
    if value.is_empty() {
        return Err(invalid(
            "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.",
        ));
    }
    if value.contains("{{") && value.contains("}}") {
        return Err(invalid(
            "Parameter value can't nest another parameter. Do not use \"{{}}\" in the value.",
        ));
    }
    if !DATA_TYPES.contains(&parameter.data_type.as_str()) {
        return Err(invalid(format!(
            "The following data type is not supported: {} (Data type names are all lowercase.)",
            parameter.data_type
        )));
    }
    if parameter.data_type == "aws:ec2:image" && parameter.parameter_type != Type::String {
        return Err(invalid("The data type aws:ec2:image is for parameters of type String only."));
    }
    if let Some(pattern) = &parameter.allowed_pattern {
        check_pattern(pattern, value)?;
    }
    check_size(parameter.tier, value)
}

fn check_pattern(pattern: &str, value: &str) -> Result<(), Refusal> {
    let compiled = Pattern::new(pattern);
    if !compiled.is_checked() {
        return Err(Refusal::new(
            Code::InvalidAllowedPatternException,
            format!("The regular expression provided is not valid: {pattern}"),
        ));
    }
    if compiled.matches(value) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::ParameterPatternMismatchException,
        format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
    ))
}

fn check_size(tier: Tier, value: &str) -> Result<Tier, Refusal> {
    match tier {
        Tier::Standard if value.len() > STANDARD_BYTES_MAX => Err(invalid(format!(
            "Standard tier parameters support a maximum parameter value of {STANDARD_BYTES_MAX} characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html"
        ))),
        Tier::Advanced | Tier::IntelligentTiering if value.len() > ADVANCED_BYTES_MAX => {
            Err(invalid(format!(
                "Advanced tier parameters support a maximum parameter value of {ADVANCED_BYTES_MAX} characters."
            )))
        }
        // It is kept in the cheapest tier that takes it.
        Tier::IntelligentTiering if value.len() <= STANDARD_BYTES_MAX => Ok(Tier::Standard),
        Tier::IntelligentTiering => Ok(Tier::Advanced),
        tier => Ok(tier),
    }
}
