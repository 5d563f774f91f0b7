//! Device certificates: their making, registration and state. [`transfers`] has their way to other
//! accounts.

mod transfers;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use trackway_registry::certificates::{self, Part};
use trackway_registry::record::{Certificate, CertificateId, CertificateStatus, X509};
use trackway_registry::x509::{Csr, Parsed, WeakKeys};

use super::older_lists::{Paging, mark};
use super::{Answer, Group, Iot, listed_only};
use crate::Caller;
use crate::answer::{Epoch, nothing, read, write};
use crate::page::Bound;

/// The operations of this group that are built.
pub(super) const GROUP: Group = Group {
    operations: &[
        "AcceptCertificateTransfer",
        "CancelCertificateTransfer",
        "CreateCertificateFromCsr",
        "CreateKeysAndCertificate",
        "DeleteCertificate",
        "DescribeCertificate",
        "ListCertificates",
        "ListCertificatesByCA",
        "ListOutgoingCertificates",
        "RegisterCertificate",
        "RegisterCertificateWithoutCA",
        "RejectCertificateTransfer",
        "TransferCertificate",
        "UpdateCertificate",
    ],
    call: |service, operation, caller, input| Box::pin(call(service, operation, caller, input)),
};

async fn call(service: &Iot, operation: &str, caller: &Caller, input: Value) -> Answer {
    match operation {
        "AcceptCertificateTransfer" => service.accept_transfer(caller, read(input)?).await,
        "CancelCertificateTransfer" => service.cancel_transfer(caller, read(input)?).await,
        "CreateCertificateFromCsr" => service.create_from_csr(caller, read(input)?).await,
        "CreateKeysAndCertificate" => service.create_keys(caller, read(input)?).await,
        "DeleteCertificate" => service.delete_certificate(caller, read(input)?).await,
        "DescribeCertificate" => service.describe_certificate(caller, read(input)?).await,
        "ListCertificates" => service.list_certificates(caller, read(input)?).await,
        "ListCertificatesByCA" => service.list_by_ca(caller, read(input)?).await,
        "ListOutgoingCertificates" => service.list_outgoing(caller, read(input)?).await,
        "RegisterCertificate" => service.register_certificate(caller, read(input)?).await,
        "RegisterCertificateWithoutCA" => service.register_without_ca(caller, read(input)?).await,
        "RejectCertificateTransfer" => service.reject_transfer(caller, read(input)?).await,
        "TransferCertificate" => service.transfer_certificate(caller, read(input)?).await,
        "UpdateCertificate" => service.update_certificate(caller, read(input)?).await,
        other => Err(listed_only(other)),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateKeys {
    #[serde(default)]
    set_as_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CreateFromCsr {
    certificate_signing_request: String,
    #[serde(default)]
    set_as_active: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Register {
    certificate_pem: String,
    ca_certificate_pem: Option<String>,
    #[serde(default)]
    set_as_active: bool,
    status: Option<CertificateStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfCertificate {
    certificate_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Update {
    certificate_id: String,
    new_status: CertificateStatus,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delete {
    certificate_id: String,
    #[serde(default)]
    force_delete: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListByCa {
    ca_certificate_id: String,
    #[serde(flatten)]
    paging: Paging,
}

/// `Validity` of a certificate.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Validity {
    not_before: Epoch,
    not_after: Epoch,
}

impl Validity {
    pub(super) fn of(x509: &X509) -> Self {
        Self { not_before: Epoch(x509.not_before), not_after: Epoch(x509.not_after) }
    }
}

/// `CertificateDescription`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Description<'a> {
    certificate_arn: String,
    certificate_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_certificate_id: Option<String>,
    status: CertificateStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_pem: Option<String>,
    owned_by: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_owned_by: Option<&'a str>,
    creation_date: Epoch,
    last_modified_date: Epoch,
    customer_version: u32,
    transfer_data: transfers::Data<'a>,
    generation_id: &'a str,
    validity: Validity,
    certificate_mode: &'static str,
}

/// `Certificate` of a list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    certificate_arn: String,
    certificate_id: String,
    status: CertificateStatus,
    certificate_mode: &'static str,
    creation_date: Epoch,
}

/// The ARN of a device certificate.
fn arn(caller: &Caller, id: &str) -> String {
    super::arn::arn(caller, "cert", id)
}

/// `CertificateMode`.
pub(super) fn mode(is_sni_only: bool) -> &'static str {
    if is_sni_only { "SNI_ONLY" } else { "DEFAULT" }
}

impl Iot {
    /// Keys that are known to be weak.
    pub(super) fn weak_keys(&self) -> &WeakKeys {
        self.weak_keys.get_or_init(WeakKeys::default)
    }

    async fn create_keys(&self, caller: &Caller, request: CreateKeys) -> Answer {
        let (keys, known) = (&self.keys.take().await?, self.weak_keys());
        let is_active = request.set_as_active;
        let made = self
            .change(caller, |mut txn| async move {
                let made = certificates::create_with_keys(&mut txn, keys, is_active, known).await?;
                Ok((txn, made))
            })
            .await?;
        let id = made.id.text();
        write(&json!({
            "certificateArn": arn(caller, &id),
            "certificateId": id,
            "certificatePem": made.pem,
            "keyPair": { "PublicKey": keys.public_pem, "PrivateKey": keys.private_pem },
        }))
    }

    async fn create_from_csr(&self, caller: &Caller, request: CreateFromCsr) -> Answer {
        let csr = &Csr::read(&request.certificate_signing_request)?;
        let (known, is_active) = (self.weak_keys(), request.set_as_active);
        let made = self
            .change(caller, |mut txn| async move {
                let made = certificates::create_from_csr(&mut txn, csr, is_active, known).await?;
                Ok((txn, made))
            })
            .await?;
        let id = made.id.text();
        write(&json!({
            "certificateArn": arn(caller, &id),
            "certificateId": id,
            "certificatePem": made.pem,
        }))
    }

    async fn register_certificate(&self, caller: &Caller, request: Register) -> Answer {
        let certificate = &Parsed::read(&request.certificate_pem, self.weak_keys())?;
        let ca = request.ca_certificate_pem.as_deref();
        let ca = ca.map(|pem| Parsed::read(pem, self.weak_keys())).transpose()?;
        let (ca, status) = (ca.as_ref(), request.given_status());
        self.change(caller, |mut txn| async move {
            certificates::register(&mut txn, certificate, ca, status).await?;
            Ok((txn, ()))
        })
        .await?;
        registered(caller, certificate)
    }

    async fn register_without_ca(&self, caller: &Caller, request: Register) -> Answer {
        let certificate = &Parsed::read(&request.certificate_pem, self.weak_keys())?;
        let status = request.given_status();
        self.change(caller, |mut txn| async move {
            certificates::register_without_ca(&mut txn, certificate, status).await?;
            Ok((txn, ()))
        })
        .await?;
        registered(caller, certificate)
    }

    async fn describe_certificate(&self, caller: &Caller, request: OfCertificate) -> Answer {
        let id = &request.certificate_id;
        let mut txn = self.registry.begin(&caller.scope);
        let (certificate, pem) = certificates::describe(&mut txn, id).await?;
        let Certificate { x509, .. } = &certificate;
        write(&json!({ "certificateDescription": Description {
            certificate_arn: arn(caller, id),
            certificate_id: id,
            ca_certificate_id: certificate.ca.map(|ca| ca.text()),
            status: certificate.status,
            certificate_pem: pem,
            owned_by: &caller.account,
            previous_owned_by: certificate.previous_owner.as_deref(),
            creation_date: Epoch(certificate.created),
            last_modified_date: Epoch(certificate.modified),
            customer_version: certificate.version,
            transfer_data: transfers::Data::of(certificate.transfer.as_ref()),
            generation_id: &certificate.generation_id,
            validity: Validity::of(x509),
            certificate_mode: mode(certificate.sni_only),
        } }))
    }

    async fn update_certificate(&self, caller: &Caller, request: Update) -> Answer {
        let Update { certificate_id: id, new_status: status } = &request;
        self.change(caller, |mut txn| async move {
            certificates::update(&mut txn, id, *status).await?;
            Ok((txn, ()))
        })
        .await?;
        nothing()
    }

    async fn delete_certificate(&self, caller: &Caller, request: Delete) -> Answer {
        let Delete { certificate_id: id, force_delete: is_forced } = &request;
        let mut is_gone = false;
        while !is_gone {
            let change = self.change(caller, |mut txn| async move {
                let is_gone = certificates::delete(&mut txn, id, *is_forced).await?;
                Ok((txn, is_gone))
            });
            is_gone = change.await?;
        }
        nothing()
    }

    async fn list_certificates(&self, caller: &Caller, request: Paging) -> Answer {
        self.listed_certificates(caller, None, &request).await
    }

    async fn list_by_ca(&self, caller: &Caller, request: ListByCa) -> Answer {
        self.listed_certificates(caller, Some(&request.ca_certificate_id), &request.paging).await
    }

    async fn listed_certificates(
        &self,
        caller: &Caller,
        ca: Option<&str>,
        paging: &Paging,
    ) -> Answer {
        let list = ["ListCertificates", ca.unwrap_or_default()];
        let of_ca = match ca.map(CertificateId::read) {
            // Nothing has an id that isn't written as ids are.
            Some(None) => return write(&json!({ "certificates": [] })),
            Some(of_ca) => of_ca,
            None => None,
        };
        let place = self.place_by_date(caller, &list, paging)?;
        let part = part(paging, place.as_deref());
        let page = certificates::list(&self.registry, &caller.scope, of_ca, part).await?;
        let rows = page.items.into_iter().map(|(id, row)| Listed {
            certificate_arn: arn(caller, &id.text()),
            certificate_id: id.text(),
            status: row.status,
            certificate_mode: mode(row.sni_only),
            creation_date: Epoch(row.created),
        });
        let rows = rows.collect::<Vec<_>>();
        self.page_by_date(caller, &list, paging, page.next, json!({ "certificates": rows }))
    }

    /// The place behind which a page of a list by date begins. `list` is the operation and whatever
    /// of the request says which list it is.
    pub(super) fn place_by_date(
        &self,
        caller: &Caller,
        list: &[&str],
        paging: &Paging,
    ) -> Result<Option<Vec<u8>>, super::refusal::Failure> {
        let list = [list, &[paging.order()]].concat();
        let bound = Bound { engine: &self.engine, caller, request: &list };
        Ok(paging.after(bound)?)
    }

    /// The answer with a page of a list by date, which goes on behind a place if there is one.
    pub(super) fn page_by_date(
        &self,
        caller: &Caller,
        list: &[&str],
        paging: &Paging,
        last: Option<Vec<u8>>,
        mut answer: Value,
    ) -> Answer {
        if let Some(last) = last {
            let list = [list, &[paging.order()]].concat();
            let bound = Bound { engine: &self.engine, caller, request: &list };
            answer["nextMarker"] = Value::from(mark(bound, &last));
        }
        write(&answer)
    }
}

/// Which part of a list by date a page is.
pub(super) fn part<'a>(paging: &Paging, after: Option<&'a [u8]>) -> Part<'a> {
    Part { is_ascending: paging.is_ascending(), after, limit: paging.limit() }
}

impl Register {
    /// The status that is asked for; `setAsActive` is its deprecated form.
    fn given_status(&self) -> CertificateStatus {
        let otherwise = if self.set_as_active {
            CertificateStatus::Active
        } else {
            CertificateStatus::Inactive
        };
        self.status.unwrap_or(otherwise)
    }
}

fn registered(caller: &Caller, certificate: &Parsed) -> Answer {
    let id = certificate.id.text();
    write(&json!({ "certificateArn": arn(caller, &id), "certificateId": id }))
}
