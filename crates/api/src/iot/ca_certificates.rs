//! CA certificates and the registration code.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::ca_certificates::{self, Registration, Terms};
use trackway_registry::x509::Parsed;

use super::certificates::{Validity, mode, part};
use super::older_lists::Paging;
use super::tags::TagList;
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "DeleteCACertificate",
        "DeleteRegistrationCode",
        "DescribeCACertificate",
        "GetRegistrationCode",
        "ListCACertificates",
        "RegisterCACertificate",
        "UpdateCACertificate",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "DeleteCACertificate" => service.delete_ca(caller, read(input)?).await,
        "DeleteRegistrationCode" => service.delete_registration_code(caller).await,
        "DescribeCACertificate" => service.describe_ca(caller, read(input)?).await,
        "GetRegistrationCode" => service.registration_code(caller).await,
        "ListCACertificates" => service.list_cas(caller, read(input)?).await,
        "RegisterCACertificate" => service.register_ca(caller, read(input)?).await,
        "UpdateCACertificate" => service.update_ca(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    ca_certificate: String,
    verification_certificate: Option<String>,
    #[serde(default)]
    set_as_active: bool,
    #[serde(default)]
    allow_auto_registration: bool,
    registration_config: Option<RegistrationConfig>,
    #[serde(default)]
    tags: TagList,
    certificate_mode: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfCa {
    certificate_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    certificate_id: String,
    new_status: Option<String>,
    new_auto_registration_status: Option<String>,
    registration_config: Option<RegistrationConfig>,
    #[serde(default)]
    remove_auto_registration: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct List {
    template_name: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// `RegistrationConfig`.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    template_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_name: Option<String>,
}

impl From<RegistrationConfig> for Registration {
    fn from(config: RegistrationConfig) -> Self {
        (config.template_body, config.role_arn, config.template_name)
    }
}

/// `CACertificateDescription`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    certificate_arn: String,
    certificate_id: &'a str,
    status: &'static str,
    certificate_pem: String,
    owned_by: &'a str,
    creation_date: Epoch,
    auto_registration_status: &'static str,
    last_modified_date: Epoch,
    customer_version: u32,
    generation_id: &'a str,
    validity: Validity,
    certificate_mode: &'static str,
}

/// `CACertificate` of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    certificate_arn: String,
    certificate_id: String,
    status: &'static str,
    creation_date: Epoch,
}

/// The ARN of a CA certificate.
fn arn(caller: &Caller, id: &str) -> String {
    super::arn::arn(caller, "cacert", id)
}

/// `CACertificateStatus`.
fn status(is_active: bool) -> &'static str {
    if is_active { "ACTIVE" } else { "INACTIVE" }
}

impl Iot {
    async fn registration_code(&self, caller: &Caller) -> Answer {
        let code = self
            .change(caller, |mut txn| async move {
                let code = ca_certificates::registration_code(&mut txn).await?;
                Ok((txn, code))
            })
            .await?;
        write(&json!({ "registrationCode": code }))
    }

    async fn delete_registration_code(&self, caller: &Caller) -> Answer {
        self.change(caller, |mut txn| async move {
            ca_certificates::delete_registration_code(&mut txn).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn register_ca(&self, caller: &Caller, request: Register) -> Answer {
        let ca = Parsed::read(&request.ca_certificate, self.weak_keys())?;
        let verification = request.verification_certificate.as_deref();
        let verification =
            verification.map(|pem| Parsed::read(pem, self.weak_keys())).transpose()?;
        let terms = Terms {
            is_sni_only: request.certificate_mode.as_deref() == Some(mode(true)),
            is_active: request.set_as_active,
            auto_registers: request.allow_auto_registration,
            registration: request.registration_config.map(Registration::from),
            tags: request.tags.0,
        };
        let (known, terms) = ((&ca, verification.as_ref()), &terms);
        self.change(caller, |mut txn| async move {
            ca_certificates::register(&mut txn, known.0, known.1, terms).await?;
            Ok((txn, ()))
        })
        .await?;
        let id = ca.id.text();
        write(&json!({ "certificateArn": arn(caller, &id), "certificateId": id }))
    }

    async fn describe_ca(&self, caller: &Caller, request: OfCa) -> Answer {
        let id = &request.certificate_id;
        let mut txn = self.registry.begin(&caller.scope);
        let (ca, pem) = ca_certificates::describe(&mut txn, id).await?;
        let description = Description {
            certificate_arn: arn(caller, id),
            certificate_id: id,
            status: status(ca.is_active),
            certificate_pem: pem,
            owned_by: &caller.account,
            creation_date: Epoch(ca.created),
            auto_registration_status: if ca.auto_registers { "ENABLE" } else { "DISABLE" },
            last_modified_date: Epoch(ca.modified),
            customer_version: ca.version,
            generation_id: &ca.generation_id,
            validity: Validity::of(&ca.x509),
            certificate_mode: mode(ca.sni_only),
        };
        let mut answer = json!({ "certificateDescription": description });
        if let Some((template_body, role_arn, template_name)) = ca.registration {
            let config = RegistrationConfig { template_body, role_arn, template_name };
            answer["registrationConfig"] = json!(config);
        }
        write(&answer)
    }

    async fn update_ca(&self, caller: &Caller, request: Update) -> Answer {
        let is = |value: Option<String>, yes: &str| value.map(|value| value == yes);
        let update = &ca_certificates::Update {
            is_active: is(request.new_status, "ACTIVE"),
            auto_registers: is(request.new_auto_registration_status, "ENABLE"),
            registration: request.registration_config.map(Registration::from),
            removes_registration: request.remove_auto_registration,
        };
        let id = &request.certificate_id;
        self.change(caller, |mut txn| async move {
            ca_certificates::update(&mut txn, id, update).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn delete_ca(&self, caller: &Caller, request: OfCa) -> Answer {
        let id = &request.certificate_id;
        self.change(caller, |mut txn| async move {
            ca_certificates::delete(&mut txn, id).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn list_cas(&self, caller: &Caller, request: List) -> Answer {
        let template = request.template_name.as_deref();
        let list = ["ListCACertificates", template.unwrap_or_default()];
        let place = self.place_by_date(caller, &list, &request.paging)?;
        let part = part(&request.paging, place.as_deref());
        let page = ca_certificates::list(&self.registry, &caller.scope, template, part).await?;
        let rows = page.items.into_iter().map(|(id, row)| Listed {
            certificate_arn: arn(caller, &id.text()),
            certificate_id: id.text(),
            status: status(row.is_active),
            creation_date: Epoch(row.created),
        });
        let rows = rows.collect::<Vec<_>>();
        self.page_by_date(
            caller,
            &list,
            &request.paging,
            page.next,
            json!({ "certificates": rows }),
        )
    }
}
