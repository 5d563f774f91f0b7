//! Where a service is, by AWS's conventions.

use crate::model::Service;

/// Where requests go and which region they are signed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `https` or `http`.
    pub scheme: String,
    /// Host, with a port if it is not the scheme's.
    pub host: String,
    /// Path before the operation's own; empty or `/something`.
    pub base_path: String,
    /// Region of the credential scope.
    pub region: String,
    /// The endpoint was configured, so host prefixes are not added.
    pub custom: bool,
}

/// DNS suffixes by the start of a region's name; the first that fits wins.
const SUFFIXES: [(&str, &str); 7] = [
    ("cn-", "amazonaws.com.cn"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
    ("eusc-", "amazonaws.eu"),
    ("", "amazonaws.com"),
];

/// The names under which an endpoint may be configured, most specific first:
/// `AWS_ENDPOINT_URL_<SERVICE_ID>`, `AWS_ENDPOINT_URL`.
#[must_use]
pub fn override_names(service: &Service) -> [String; 2] {
    let id = service.id.to_ascii_uppercase().replace([' ', '-'], "_");
    [format!("AWS_ENDPOINT_URL_{id}"), "AWS_ENDPOINT_URL".to_owned()]
}

/// Finds the endpoint of a service. `configured` knows the values of [`override_names`]; without
/// one it is where AWS has it: `https://{prefix}.{region}.{suffix}`, or where the model says.
#[must_use]
pub fn endpoint(
    service: &Service,
    region: &str,
    configured: impl Fn(&str) -> Option<String>,
) -> Endpoint {
    let own = override_names(service).iter().find_map(|name| configured(name));
    if let Some(url) = own.filter(|url| !url.is_empty()) {
        return custom(&url, region);
    }
    let rule = service.endpoints.iter().find(|rule| rule.fits(region));
    let suffix = SUFFIXES.iter().find(|(start, _)| region.starts_with(start));
    let suffix = suffix.map_or("amazonaws.com", |(_, suffix)| suffix);
    Endpoint {
        scheme: "https".to_owned(),
        host: match rule {
            Some(rule) => rule.host.replace("{region}", region),
            None => format!("{}.{region}.{suffix}", service.endpoint_prefix),
        },
        base_path: String::new(),
        region: rule.and_then(|rule| rule.signing_region.as_deref()).unwrap_or(region).to_owned(),
        custom: false,
    }
}

fn custom(url: &str, region: &str) -> Endpoint {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.trim_end_matches('/');
    Endpoint {
        scheme: scheme.to_owned(),
        host: host.to_owned(),
        base_path: if path.is_empty() { String::new() } else { format!("/{path}") },
        region: region.to_owned(),
        custom: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model;

    #[test]
    fn finds_endpoints() {
        for (service, region, host, signed_for) in [
            ("lambda", "us-east-1", "lambda.us-east-1.amazonaws.com", "us-east-1"),
            ("stepfunctions", "cn-north-1", "states.cn-north-1.amazonaws.com.cn", "cn-north-1"),
            ("sts", "eu-west-1", "sts.eu-west-1.amazonaws.com", "eu-west-1"),
            ("s3", "eu-west-1", "s3.eu-west-1.amazonaws.com", "eu-west-1"),
            ("iam", "eu-west-1", "iam.amazonaws.com", "us-east-1"),
            ("route53", "eu-west-1", "route53.amazonaws.com", "us-east-1"),
            ("cloudfront", "us-east-2", "cloudfront.amazonaws.com", "us-east-1"),
            ("organizations", "eu-west-1", "organizations.us-east-1.amazonaws.com", "us-east-1"),
            ("billing", "eu-west-1", "billing.us-east-1.api.aws", "us-east-1"),
            (
                "datazone",
                "cn-north-1",
                "datazone.cn-north-1.api.amazonwebservices.com.cn",
                "cn-north-1",
            ),
            ("iam", "us-gov-west-1", "iam.us-gov.amazonaws.com", "us-gov-west-1"),
        ] {
            let found = endpoint(model::service(service).unwrap(), region, |_| None);
            assert_eq!((found.scheme.as_str(), found.host.as_str()), ("https", host));
            assert_eq!(found.region, signed_for, "{service}");
            assert!(!found.custom);
        }
    }

    #[test]
    fn prefers_what_is_configured() {
        let configured = |name: &str| match name {
            "AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER" => Some("https://c:1/base/".to_owned()),
            "AWS_ENDPOINT_URL" => Some("http://127.0.0.1:4566".to_owned()),
            _ => None,
        };
        for (service, url) in
            [("cognito-idp", "https://c:1/base"), ("lambda", "http://127.0.0.1:4566")]
        {
            let found = endpoint(model::service(service).unwrap(), "eu-west-1", configured);
            let Endpoint { scheme, host, base_path, .. } = &found;
            assert_eq!(format!("{scheme}://{host}{base_path}"), url);
            assert_eq!((found.region.as_str(), found.custom), ("eu-west-1", true));
        }
    }
}
